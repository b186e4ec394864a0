<?php
// Added to the project's own .config/load.php, which the runner reads as well as WordPress.

( function () {
	if ( ! class_exists( 'HM\\Cavalcade\\Runner\\Runner', false ) ) {
		return;
	}
	$hooks = HM\Cavalcade\Runner\Runner::instance()->hooks;
	$names = [
		'Runner.bootstrap.table_prefix', 'Runner.connect_to_db.dsn', 'Runner.connect_to_db.options',
		'Runner.connect_to_db.connected', 'Runner.run.before', 'Runner.run.loop_start', 'Runner.get_next_job.query',
		'Runner.get_next_job.job', 'Runner.get_job_command.command', 'Runner.run_job.started',
		'Runner.check_workers.logger', 'Runner.check_workers.job_completed', 'Runner.check_workers.job_failed',
		'Runner.terminate.will_terminate', 'Runner.terminate.terminated',
	];
	foreach ( $names as $name ) {
		$hooks->register( $name, function ( $value ) use ( $name ) {
			static $is_told = false;
			echo $is_told ? '' : "hook $name\n";
			$is_told = true;
			return $value;
		} );
	}
	// Hundreds of jobs that cost little.
	$hooks->register( 'Runner.get_job_command.command', fn ( $command, $job ) =>
		str_starts_with( $job->hook, 'sh:' ) ? 'exec ' . substr( $job->hook, 3 ) : $command );
} )();

add_action( 'test.context', function ( $name ) {
	update_option( $name, [ CAVALCADE_JOB_ID, DOING_CRON, home_url(), getcwd() ] );
} );
add_action( 'test.fail', fn () => exit( 3 ) );
