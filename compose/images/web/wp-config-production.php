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
		'S3_UPLOADS_BUCKET_URL', 'S3_UPLOADS_ENDPOINT', 'S3_UPLOADS_OBJECT_ACL',
		'S3_UPLOADS_HTTP_CACHE_CONTROL', 'S3_UPLOADS_HTTP_EXPIRES',
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

	// Where AWS's services are, for the SDK of a project: an old one does not read these variables, and none of them
	// says that the bucket is part of the path. Hooks may be set before WordPress is there to set them.
	$aws = getenv( 'AWS_ENDPOINT_URL' );
	if ( $aws ) {
		$at   = fn ( string $service ) => [ 'endpoint' => getenv( "AWS_ENDPOINT_URL_$service" ) ?: $aws ];
		$s3   = $at( 'S3' ) + [ 'use_path_style_endpoint' => true ];
		$hook = function ( string $name, callable $filter ) {
			if ( function_exists( 'add_filter' ) ) {
				add_filter( $name, $filter );
			} else {
				$GLOBALS['wp_filter'][ $name ][10][] = [ 'function' => $filter, 'accepted_args' => 1 ];
			}
		};
		$hook( 's3_uploads_s3_client_params', fn ( $params ) => array_replace( $params, $s3 ) );
		$hook( 'aws_ses_wp_mail_ses_client_params', fn ( $params ) => array_replace( $params, $at( 'SES' ) ) );
		$hook( 'altis.aws_sdk.params', fn ( $params ) => array_replace_recursive( $params, [
			'endpoint'   => $aws,
			'S3'         => $s3,
			'CloudFront' => $at( 'CLOUDFRONT' ),
		] ) );
	}

	if ( class_exists( 'HM\\Cavalcade\\Runner\\Runner', false ) ) {
		require '/usr/local/lib/cavalcade/endpoint.php';
	}
} )();
