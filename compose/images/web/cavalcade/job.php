<?php
/**
 * One row of the jobs table, as the runner sees it.
 */

namespace HM\Cavalcade\Runner;

use DateInterval;
use DateTime;
use DateTimeZone;
use PDO;

class Job {
	// Microseconds in which other runners surely see the same job waiting.
	private const HESITATION = 100_000;

	public $id;
	public $site;
	public $hook;
	public $args;
	public $start;
	public $nextrun;
	public $interval;
	public $status;
	public $schedule;

	private static ?bool $has_blogs = null;

	public function __construct( private PDO $db, private string $table_prefix ) {
	}

	/**
	 * The address of the job's site. False where there is no network, empty for a site that is gone.
	 */
	public function get_site_url(): string|false {
		self::$has_blogs ??= (bool) $this->execute( "SHOW TABLES LIKE '{$this->table_prefix}blogs'" )->fetch();
		if ( ! self::$has_blogs ) {
			return false;
		}
		$query = "SELECT CONCAT( domain, path ) FROM {$this->table_prefix}blogs WHERE blog_id = :site";
		return (string) $this->execute( $query, [ 'site' => $this->site ] )->fetchColumn();
	}

	/**
	 * Take the job. Of all runners that try, the one whose statement changes the row has it.
	 */
	public function acquire_lock(): bool {
		if ( getenv( 'ALTIS_BROKEN' ) === 'job-lock' ) {
			return $this->take_without_lock();
		}
		$query = "UPDATE {$this->table_prefix}cavalcade_jobs SET status = 'running' WHERE status = 'waiting' AND id = :id";
		return $this->execute( $query, [ 'id' => $this->id ] )->rowCount() === 1;
	}

	/**
	 * Only for the broken twin of a drill (`start --broken job-lock`): look, hesitate, and take it whoever has it.
	 */
	private function take_without_lock(): bool {
		usleep( self::HESITATION );
		$this->set_status( 'running' );
		return true;
	}

	public function mark_completed(): void {
		$this->interval ? $this->reschedule() : $this->set_status( 'completed' );
	}

	public function mark_failed( string $message = '' ): void {
		$this->set_status( 'failed' );
	}

	/**
	 * One interval after the last date, be that in the past: what was missed is caught up run by run.
	 */
	public function reschedule(): void {
		$date = new DateTime( $this->nextrun, new DateTimeZone( 'UTC' ) );
		$date->add( new DateInterval( "PT{$this->interval}S" ) );
		$this->nextrun = $date->format( 'Y-m-d H:i:s' );
		$this->status  = 'waiting';
		$query = "UPDATE {$this->table_prefix}cavalcade_jobs SET status = 'waiting', nextrun = :nextrun WHERE id = :id";
		$this->execute( $query, [ 'nextrun' => $this->nextrun, 'id' => $this->id ] );
	}

	private function set_status( string $status ): void {
		$query = "UPDATE {$this->table_prefix}cavalcade_jobs SET status = :status WHERE id = :id";
		$this->execute( $query, [ 'status' => $status, 'id' => $this->id ] );
	}

	private function execute( string $query, array $values = [] ): \PDOStatement {
		$statement = $this->db->prepare( $query );
		$statement->execute( $values );
		return $statement;
	}
}
