<?php
// The runner reads wp-config.php for its constants and needs nothing more of WordPress.
