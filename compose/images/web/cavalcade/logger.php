<?php
/**
 * Writes how a run ended to the logs table.
 */

namespace HM\Cavalcade\Runner;

use PDO;

class Logger {
	public function __construct( protected PDO $db, protected string $table_prefix ) {
	}

	public function log_job_completed( Job $job, string $message = '' ): void {
		$this->log_run( $job->id, 'completed', $message );
	}

	public function log_job_failed( Job $job, string $message = '' ): void {
		$this->log_run( $job->id, 'failed', $message );
	}

	protected function log_run( $job_id, string $status, string $message ): void {
		$query = "INSERT INTO {$this->table_prefix}cavalcade_logs ( job, status, timestamp, content ) VALUES ( ?, ?, ?, ? )";
		$this->db->prepare( $query )->execute( [ $job_id, $status, gmdate( 'Y-m-d H:i:s' ), $message ] );
	}
}
