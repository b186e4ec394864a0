<?php
/**
 * Leads a runner, the project's own or ours, to an endpoint that answers. Loaded by wp-config-production.php.
 *
 * A runner connects once, to one name, which stands for one address in every zone. PHP would go to the next
 * address only after a refusal: one that is silent would use up all of its time.
 */

namespace HM\Cavalcade\Runner\Endpoint;

use HM\Cavalcade\Runner\Runner;

const TIMEOUT = 1.0;

// No query of a runner takes long. Waiting any longer for a network that is gone helps nobody.
ini_set( 'mysqlnd.net_read_timeout', 60 );

Runner::instance()->hooks->register( 'Runner.connect_to_db.dsn', __NAMESPACE__ . '\\use_address', 1 );

function use_address( string $dsn, string $host ): string {
	return str_replace( "host=$host;", 'host=' . find_address( $host ) . ';', $dsn );
}

/**
 * The first address that greets as MySQL does, or the name itself if none is known to do so.
 */
function find_address( string $host ): string {
	$addresses = array_unique( gethostbynamel( $host ) ?: [] );
	// Runners spread over all of them.
	shuffle( $addresses );
	foreach ( $addresses as $address ) {
		if ( greets( $address ) ) {
			return $address;
		}
	}
	return $host;
}

function greets( string $address ): bool {
	$link = @stream_socket_client( "tcp://$address:3306", $code, $message, TIMEOUT );
	if ( ! $link ) {
		return false;
	}
	// A frozen endpoint still lets the kernel accept for it.
	stream_set_timeout( $link, (int) TIMEOUT );
	return (string) fread( $link, 1 ) !== '';
}
