-- What every member holds before its first start. Run once, at build.
-- Users are locked here; a member unlocks them with its environment's passwords at each start.
SET sql_log_bin = 0;

CREATE DATABASE wordpress;
CREATE DATABASE altis_drill;
CREATE DATABASE altis_control;

-- One row per promotion: the writer is the member of the highest term.
CREATE TABLE altis_control.term (
  term BIGINT PRIMARY KEY,
  member VARCHAR(64) NOT NULL,
  promoted_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
);
-- Written by control to see that the writer still commits, and how old a reader's data is.
CREATE TABLE altis_control.heartbeat (
  id TINYINT PRIMARY KEY,
  beat BIGINT NOT NULL,
  at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
);
CREATE TABLE altis_control.site (
  id TINYINT PRIMARY KEY,
  url VARCHAR(255) NOT NULL,
  installed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
);

-- The application may use 120 of the 150 connections: control and the readers must always find one free.
CREATE USER wordpress@'%' IDENTIFIED BY RANDOM PASSWORD WITH MAX_USER_CONNECTIONS 120 ACCOUNT LOCK;
GRANT PROCESS ON *.* TO wordpress@'%';
GRANT ALL ON wordpress.* TO wordpress@'%';
GRANT ALL ON altis_drill.* TO wordpress@'%';

CREATE USER altis_control@'%' IDENTIFIED BY RANDOM PASSWORD ACCOUNT LOCK;
GRANT ALL ON *.* TO altis_control@'%' WITH GRANT OPTION;

CREATE USER altis_replica@'%' IDENTIFIED BY RANDOM PASSWORD ACCOUNT LOCK;
GRANT REPLICATION SLAVE, BACKUP_ADMIN, CONNECTION_ADMIN ON *.* TO altis_replica@'%';

RESET BINARY LOGS AND GTIDS;
