<?php
// WordPress's functions of cron, one after another. The hook x.due is overdue, all others are an hour away.

$later = time() + 3600;
$rows  = fn () => (int) $GLOBALS['wpdb']->get_var( "SELECT COUNT(*) FROM wp_cavalcade_jobs WHERE hook LIKE 'x.%'" );
$code  = fn ( $error ) => is_wp_error( $error ) ? $error->get_error_code() : $error;

return [
	'single'            => wp_schedule_single_event( $later, 'x.single', [ 'a' => 1 ] ),
	'within 10 minutes' => wp_schedule_single_event( $later - 590, 'x.single', [ 'a' => 1 ] ),
	'as an error'       => $code( wp_schedule_single_event( $later + 590, 'x.single', [ 'a' => 1 ], true ) ),
	'after 10 minutes'  => wp_schedule_single_event( $later + 610, 'x.single', [ 'a' => 1 ] ),
	'other arguments'   => wp_schedule_single_event( $later, 'x.single', [ 'a' => 2 ] ),
	'overdue'           => wp_schedule_single_event( time() - 5000, 'x.due' ),
	'soon as well'      => wp_schedule_single_event( time() + 300, 'x.due' ),
	'recurring'         => wp_schedule_event( $later, 'hourly', 'x.often' ),
	'same instant'      => wp_schedule_event( $later, 'hourly', 'x.often' ),
	'next second'       => wp_schedule_event( $later + 1, 'hourly', 'x.often' ),
	'other schedule'    => wp_schedule_event( $later + 1, 'daily', 'x.often' ),
	'unknown schedule'  => wp_schedule_event( $later, 'never', 'x.never' ),
	'rows'              => $rows(),
	'next'              => wp_next_scheduled( 'x.often' ) - $later,
	'interval'          => wp_get_scheduled_event( 'x.often', [], $later + 1 )->interval,
	'ready'             => array_keys( array_values( wp_get_ready_cron_jobs() )[0] ),
	'reschedule'        => wp_reschedule_event( $later, 'hourly', 'x.often' ),
	'rescheduled'       => (bool) wp_get_scheduled_event( 'x.often', [], $later + 3600 ),
	'unschedule'        => wp_unschedule_event( $later + 3600, 'x.often' ),
	'no such event'     => wp_unschedule_event( $later + 3600, 'x.often' ),
	'clear'             => wp_clear_scheduled_hook( 'x.single', [ 'a' => 1 ] ),
	'unschedule hook'   => wp_unschedule_hook( 'x.single' ),
	'rows left'         => $rows(),
];
