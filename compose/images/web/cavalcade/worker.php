<?php
/**
 * The process that runs one job.
 */

namespace HM\Cavalcade\Runner;

use RuntimeException;

class Worker {
	public string $output = '';
	public string $error_output = '';
	public ?array $status = null;

	private $process;
	private array $pipes = [];

	public function __construct( string $command, string $folder, public Job $job ) {
		$this->process = proc_open( $command, [ 1 => [ 'pipe', 'w' ], 2 => [ 'pipe', 'w' ] ], $this->pipes, $folder );
		if ( ! is_resource( $this->process ) ) {
			throw new RuntimeException( 'Unable to proc_open.' );
		}
		stream_set_blocking( $this->pipes[1], false );
		stream_set_blocking( $this->pipes[2], false );
	}

	/**
	 * Take what it has said, so that it never waits for a reader, and see whether it has ended.
	 */
	public function is_done(): bool {
		$this->drain_pipes();
		// The exit code is told once only.
		if ( $this->status === null || $this->status['running'] ) {
			$this->status = proc_get_status( $this->process );
		}
		return ! $this->status['running'];
	}

	/**
	 * @return bool Whether the job ended well.
	 */
	public function shutdown(): bool {
		$this->drain_pipes();
		array_map( 'fclose', $this->pipes );
		proc_close( $this->process );

		$this->print_lines( 'out', $this->output );
		$this->print_lines( 'err', $this->error_output );
		printf( "[%d] Worker ret: %d\n", $this->job->id, $this->status['exitcode'] );
		return $this->status['exitcode'] === 0;
	}

	private function drain_pipes(): void {
		$this->output       .= stream_get_contents( $this->pipes[1] );
		$this->error_output .= stream_get_contents( $this->pipes[2] );
	}

	private function print_lines( string $name, string $text ): void {
		foreach ( $text === '' ? [] : explode( "\n", rtrim( $text ) ) as $line ) {
			printf( "[%d] Worker %s: %s\n", $this->job->id, $name, $line );
		}
	}
}
