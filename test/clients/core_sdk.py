"""Drives ENS, RAM and STS with aliyun-python-sdk-core and its requests (signature V1)."""

import json
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient

from lines import serve


@lru_cache
def client_of(key):
    key_id, secret, token = key
    if token is None:
        return AcsClient(key_id, secret, "cn-hangzhou")
    return AcsClient(region_id="cn-hangzhou", credential=StsTokenCredential(*key))


products = [
    "aliyunsdkens.request.v20171110",
    "aliyunsdkram.request.v20150501",
    "aliyunsdksts.request.v20150401",
]


def request_of(action):
    name = f"{action}Request"
    module = next(each for each in products if find_spec(f"{each}.{name}"))
    return getattr(import_module(f"{module}.{name}"), name)()


def call(endpoint, key, action, parameters):
    request = request_of(action)
    request.set_protocol_type("http")
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
