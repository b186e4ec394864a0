<?php
/**
 * The configuration an Altis container gets: its environment, as the constants the Altis modules read.
 *
 * Part of the web image, never of a project. It holds no values: secrets come from the environment alone.
 */

( function () {
	// Constants that carry a variable of the same name, where that is set.
	$names = [
		'HM_ENV', 'HM_ENV_TYPE', 'HM_ENV_REGION', 'HM_ENV_ARCHITECTURE', 'HM_DEPLOYMENT_REVISION',
		'DB_HOST', 'DB_READ_REPLICA_HOST', 'DB_NAME', 'DB_USER', 'DB_PASSWORD',
		'REDIS_HOST', 'REDIS_AUTH',
		'ELASTICSEARCH_HOST', 'ELASTICSEARCH_VERSION',
		'S3_UPLOADS_BUCKET', 'S3_UPLOADS_REGION', 'S3_UPLOADS_KEY', 'S3_UPLOADS_SECRET',
		'S3_UPLOADS_BUCKET_URL', 'S3_UPLOADS_ENDPOINT',
		'TACHYON_URL', 'AWS_XRAY_DAEMON_IP_ADDRESS', 'FLUENT_HOST', 'CLOUDFRONT_DISTRIBUTION_ID',
	];
	// Altis compares these strictly with numbers.
	$integers = [ 'REDIS_PORT', 'ELASTICSEARCH_PORT', 'FLUENT_PORT' ];

	foreach ( [ ...$names, ...$integers ] as $name ) {
		$value = getenv( $name );
		if ( $value !== false && $value !== '' && ! defined( $name ) ) {
			define( $name, in_array( $name, $integers, true ) ? (int) $value : $value );
		}
	}

	defined( 'DB_CHARSET' ) || define( 'DB_CHARSET', 'utf8mb4' );
	defined( 'DB_COLLATE' ) || define( 'DB_COLLATE', 'utf8mb4_unicode_520_ci' );
	defined( 'REDIS_SECURE' ) || define( 'REDIS_SECURE', false );
	defined( 'WP_CACHE_KEY_SALT' ) || define( 'WP_CACHE_KEY_SALT', HM_ENV . ':' );

	// The same in every container, so that a login holds on all of them.
	$salts = [
		'AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY',
		'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT',
	];
	foreach ( $salts as $name ) {
		defined( $name ) || define( $name, hash_hmac( 'sha256', $name, (string) getenv( 'SITE_SECRET' ) ) );
	}

	if ( defined( 'REDIS_HOST' ) ) {
		$GLOBALS['redis_server'] = [ 'host' => REDIS_HOST, 'port' => REDIS_PORT ];
		if ( defined( 'REDIS_AUTH' ) ) {
			$GLOBALS['redis_server']['auth'] = REDIS_AUTH;
		}
	}

	if ( class_exists( 'HM\\Cavalcade\\Runner\\Runner', false ) ) {
		require '/usr/local/lib/cavalcade/endpoint.php';
	}
} )();
