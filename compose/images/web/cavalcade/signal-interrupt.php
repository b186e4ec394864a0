<?php
/**
 * The end of a runner that was asked to stop.
 */

namespace HM\Cavalcade\Runner;

use Exception;

class SignalInterrupt extends Exception {
}
