<?php
/**
 * The jobs runner for projects that bring none: what Cavalcade Runner does, under the same names, for the same hooks.
 *
 * Usage: php main.php <folder of WordPress>. Ends with 0 when asked to stop, with 1 when it cannot go on.
 */

namespace HM\Cavalcade\Runner;

use Exception;

foreach ( [ 'hooks', 'job', 'logger', 'runner', 'signal-interrupt', 'worker' ] as $name ) {
	require __DIR__ . "/$name.php";
}

try {
	Runner::instance()->bootstrap( $argv[1] ?? '.' );
	Runner::instance()->run();
} catch ( SignalInterrupt $interrupt ) {
	printf( "\nShutting down! (%s: %d)\n", $interrupt->getMessage(), $interrupt->getCode() );
	exit( 0 );
} catch ( Exception $exception ) {
	fwrite( STDERR, "Error: {$exception->getMessage()}\n{$exception->getTraceAsString()}\n" );
	exit( 1 );
}
