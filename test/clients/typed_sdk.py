"""Drives ENS with alibabacloud_ens20171110, the typed SDK of today (signature V3)."""

from functools import lru_cache

from alibabacloud_ens20171110 import models
from alibabacloud_ens20171110.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config

from lines import serve


@lru_cache
def client_of(endpoint, key):
    key_id, secret, token = key
    return Client(
        Config(
            access_key_id=key_id,
            access_key_secret=secret,
            security_token=token,
            endpoint=endpoint,
            protocol="http",
        )
    )


def method_of(client, action):
    """RemoveBackendServers is remove_backend_servers."""
    found = [name for name in dir(client) if name.replace("_", "") == action.lower()]
    return getattr(client, found[0])


def call(endpoint, key, action, parameters):
    request = getattr(models, f"{action}Request")().from_map(parameters)
    answer = method_of(client_of(endpoint, key), action)(request)
    # Through the typed models: what they do not know is not here.
    return answer.body.to_map()


def refusal_of(error):
    if not isinstance(error, AlibabaCloudException):
        return {"message": str(error)}
    return {
        "code": error.code,
        "status": error.status_code,
        "message": error.message,
        "requestId": error.request_id,
        "retryAfterMs": error.retry_after,
    }


serve(call, refusal_of)
