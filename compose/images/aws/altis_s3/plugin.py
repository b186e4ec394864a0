"""Entry points of LocalStack's plugin loader: the provider itself, and its start before the first request."""

from __future__ import annotations

import logging
import os
import threading
from typing import NoReturn

from localstack.aws.skeleton import create_dispatch_table
from localstack.runtime import hooks
from localstack.services.plugins import SERVICE_PLUGINS, Service, aws_provider
from localstack.services.s3 import presigned_url
from localstack.utils.aws import aws_stack
from werkzeug.wrappers import Request

from altis_s3.blobs import GRACE
from altis_s3.journal import ForeignState
from altis_s3.provider import DurableS3
from altis_s3.settings import Settings

LOG = logging.getLogger(__name__)

LARGEST_FORM = 16 << 20
"""Bytes. Werkzeug's own limit refuses mails with attachments: SES takes ten megabytes, encoded for the form."""


@aws_provider(api="s3", name="durable")
def s3() -> Service:
    # Else LocalStack asks DNS for a public name of its maker's, and waits ten seconds where nobody answers.
    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False
    settings = Settings.of(os.environ)
    _know_secret(settings)
    provider = DurableS3(settings)
    threading.Thread(target=_collect, args=(provider,), daemon=True, name="s3-trash").start()
    return Service.for_provider(
        provider,
        dispatch_table_factory=lambda delegate: {
            name: provider.wrapped(name, operation) for name, operation in create_dispatch_table(delegate).items()
        },
    )


@hooks.on_infra_start(priority=-100)
def load_s3() -> None:
    """Before anything listens: nobody is told of a bucket that is not there yet, and bad state stops the start."""
    Request.max_form_memory_size = LARGEST_FORM
    try:
        SERVICE_PLUGINS.require("s3")
    except ForeignState as problem:
        _refuse(f"the volume's state is left alone: {problem}")
    except Exception:  # LocalStack itself would go on without S3
        LOG.exception("S3 cannot be loaded")
        _refuse("S3 cannot be loaded")


def _know_secret(settings: Settings) -> None:
    """Presigned URLs are checked with the environment's own key; a URL of any other key is never right."""
    unknown = os.urandom(32).hex()

    def secret(access_key_id: str, region: str) -> str:
        return settings.secret_key if access_key_id == settings.access_key else unknown

    presigned_url.get_secret_access_key_from_access_key_id = secret


def _collect(provider: DurableS3) -> None:
    pause = threading.Event()
    while not pause.wait(GRACE):
        provider.collect()


def _refuse(reason: str) -> NoReturn:
    LOG.critical("altis-aws: %s", reason)
    logging.shutdown()
    os._exit(os.EX_CONFIG)
