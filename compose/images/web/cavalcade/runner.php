<?php
/**
 * Takes due jobs from the table, one at a time, and runs each in a process of its own.
 *
 * Knows nothing of WordPress but the constants of its wp-config.php. Whatever goes wrong with the database ends it:
 * the platform starts another, and jobs that were running then stay marked as running.
 */

namespace HM\Cavalcade\Runner;

use Exception;
use PDO;
use RuntimeException;

// Seconds between looks at the table when there is nothing to do.
const LOOP_INTERVAL = 1;
const DRAIN_INTERVAL_MICROSECONDS = 100_000;

class Runner {
	public array $options = [ 'max_workers' => 4 ];
	public Hooks $hooks;

	private static ?self $instance = null;
	private PDO $db;
	private string $wp_path;
	private string $table_prefix;

	/** @var Worker[] */
	private array $workers = [];

	private function __construct() {
		$this->hooks = new Hooks();
	}

	public static function instance(): self {
		return self::$instance ??= new self();
	}

	public function get_wp_path(): string {
		return $this->wp_path;
	}

	public function bootstrap( string $wp_path = '.' ): void {
		$config = realpath( "$wp_path/wp-config.php" ) ?: realpath( "$wp_path/../wp-config.php" );
		if ( ! $config ) {
			throw new RuntimeException( "Could not find config file at $wp_path/wp-config.php or next level up." );
		}
		$this->wp_path = realpath( $wp_path );

		// Where wp-config.php ends by loading WordPress it finds an empty file.
		define( 'ABSPATH', __DIR__ . '/no-wordpress/' );
		$_SERVER['HTTP_HOST'] ??= 'cavalcade.example';
		include $config;
		$this->table_prefix = $this->hooks->run( 'Runner.bootstrap.table_prefix', $table_prefix ?? 'wp_' );

		$this->connect_to_db();
	}

	public function run(): never {
		foreach ( [ SIGTERM, SIGINT, SIGQUIT ] as $signal ) {
			pcntl_signal( $signal, [ $this, 'terminate' ] );
		}
		$this->hooks->run( 'Runner.run.before' );
		while ( true ) {
			pcntl_signal_dispatch();
			$this->hooks->run( 'Runner.run.loop_start', $this );
			$this->check_workers();

			if ( count( $this->workers ) >= $this->options['max_workers'] ) {
				echo "[  ] Out of workers\n";
				sleep( LOOP_INTERVAL );
				continue;
			}
			$job = $this->get_next_job();
			if ( ! $job ) {
				sleep( LOOP_INTERVAL );
				continue;
			}
			$this->run_job( $job );
		}
	}

	/**
	 * Take no more jobs, and wait for those that run, however long that takes.
	 */
	public function terminate( int $signal ): never {
		$this->hooks->run( 'Runner.terminate.will_terminate', $signal );
		$count = count( $this->workers );
		echo "Cavalcade received terminate signal ($signal), shutting down $count worker(s)...\n";
		while ( $this->workers ) {
			$this->check_workers();
			usleep( DRAIN_INTERVAL_MICROSECONDS );
		}
		$this->hooks->run( 'Runner.terminate.terminated', $signal );
		throw new SignalInterrupt( 'Terminated by signal', $signal );
	}

	private function connect_to_db(): void {
		$charset = defined( 'DB_CHARSET' ) ? DB_CHARSET : 'utf8';
		$where   = preg_match( '#^[^:]*:(/.+)$#', DB_HOST, $socket ) ? "unix_socket=$socket[1]" : 'host=' . DB_HOST;
		$dsn     = sprintf( 'mysql:%s;dbname=%s;charset=%s', $where, DB_NAME, $charset );
		$dsn     = $this->hooks->run( 'Runner.connect_to_db.dsn', $dsn, DB_HOST, DB_NAME, $charset );
		$options = $this->hooks->run( 'Runner.connect_to_db.options', [], $dsn, DB_USER, DB_PASSWORD );

		$this->db = new PDO( $dsn, DB_USER, DB_PASSWORD, $options );
		$this->db->setAttribute( PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION );
		$this->db->setAttribute( PDO::ATTR_EMULATE_PREPARES, false );
		$this->db->exec( 'SET time_zone = "+00:00"' );
		$this->hooks->run( 'Runner.connect_to_db.connected', $this->db );
	}

	private function get_next_job(): ?Job {
		$query = "SELECT * FROM {$this->table_prefix}cavalcade_jobs"
			. ' WHERE nextrun < NOW() AND status = "waiting" ORDER BY nextrun ASC LIMIT 1';
		$query = $this->hooks->run( 'Runner.get_next_job.query', $query );
		$job   = $this->db->query( $query )->fetchObject( Job::class, [ $this->db, $this->table_prefix ] );
		return $this->hooks->run( 'Runner.get_next_job.job', $job ) ?: null;
	}

	private function run_job( Job $job ): void {
		if ( ! $job->acquire_lock() ) {
			return;
		}
		$command = $this->get_job_command( $job );
		printf( "[%d] Running %s (%s %s)\n", $job->id, $command, $job->hook, $job->args );
		try {
			$worker = new Worker( $command, $this->wp_path, $job );
		} catch ( Exception $exception ) {
			// No process can be had: another runner may have more luck.
			fwrite( STDERR, "[$job->id] Unable to run job: {$exception->getMessage()}\n" );
			$job->mark_failed( $exception->getMessage() );
			$this->terminate( SIGTERM );
		}
		$this->workers[] = $worker;
		$this->hooks->run( 'Runner.run_job.started', $worker, $job );
	}

	private function get_job_command( Job $job ): string {
		$url     = $job->get_site_url();
		$command = "wp cavalcade run $job->id" . ( $url ? ' --url=' . escapeshellarg( $url ) : '' );
		return $this->hooks->run( 'Runner.get_job_command.command', $command, $job );
	}

	private function check_workers(): void {
		$done = array_filter( $this->workers, fn ( $worker ) => $worker->is_done() );
		if ( ! $done ) {
			return;
		}
		$logger = $this->hooks->run( 'Runner.check_workers.logger', new Logger( $this->db, $this->table_prefix ) );
		foreach ( $done as $id => $worker ) {
			if ( $worker->shutdown() ) {
				$worker->job->mark_completed();
				$logger->log_job_completed( $worker->job );
				$this->hooks->run( 'Runner.check_workers.job_completed', $worker, $worker->job, $logger );
			} else {
				$worker->job->mark_failed();
				$logger->log_job_failed( $worker->job, 'Failed to shutdown worker.' );
				$this->hooks->run( 'Runner.check_workers.job_failed', $worker, $worker->job, $logger );
			}
			unset( $this->workers[ $id ] );
		}
	}
}
