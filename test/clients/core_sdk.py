"""Drives ENS with aliyun-python-sdk-core and its ENS requests, the SDK before (signature V1)."""

import json
from functools import lru_cache
from importlib import import_module

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient

from lines import serve


@lru_cache
def client_of(key):
    return AcsClient(*key, "cn-hangzhou")


def call(endpoint, key, action, parameters):
    name = f"{action}Request"
    request = getattr(import_module(f"aliyunsdkens.request.v20171110.{name}"), name)()
    request.set_endpoint(endpoint)
    for parameter, value in parameters.items():
        getattr(request, f"set_{parameter}")(value)
    return json.loads(client_of(key).do_action_with_exception(request))


def refusal_of(error):
    if not isinstance(error, ServerException):
        return {"message": str(error)}
    return {
        "code": error.get_error_code(),
        "status": error.get_http_status(),
        "message": error.get_error_msg(),
        "requestId": error.get_request_id(),
    }


serve(call, refusal_of)
