<?php
/**
 * Hooks of the runner: WordPress's idea of filters, without WordPress.
 */

namespace HM\Cavalcade\Runner;

class Hooks {
	/** @var array<string, array<int, callable[]>> By name and priority. */
	private array $callbacks = [];

	public function register( string $hook, callable $callback, int $priority = 10 ): void {
		$this->callbacks[ $hook ][ $priority ][] = $callback;
		ksort( $this->callbacks[ $hook ] );
	}

	/**
	 * Hand a value from callback to callback; what the last one returns is the result.
	 */
	public function run( string $hook, mixed $value = null, mixed ...$more ): mixed {
		foreach ( array_merge( ...$this->callbacks[ $hook ] ?? [] ) as $callback ) {
			$value = $callback( $value, ...$more );
		}
		return $value;
	}
}
