import type { ActionDescription } from '../describe.ts';
import { readme } from './readme.ts';
import { answersOnce, filled, flatCall, type Language, type SampleRequest } from './sample.ts';
import { byCodePoint, linesOf, literal } from './text.ts';

/** The typed package of ENS where it has the action, else the generic form. */
export const python: Language = {
  id: 'python',
  title: 'Python',
  offers: answersOnce,
  installs: ({ action }) => `pip install ${requirements(action).join(' ')}`,
  source: (request) => program(isTyped(request.action) ? typed(request) : generic(request)),
  project: (request) => ({
    'sample.py': python.source(request),
    'requirements.txt': `${requirements(request.action).join('\n')}\n`,
    'README.md': readme(request, 'Python', [
      'python3 -m venv venv',
      'venv/bin/pip install -r requirements.txt',
      'venv/bin/python sample.py',
    ]),
  }),
};

const requirements = (action: ActionDescription) => [
  ...(isTyped(action) ? ['alibabacloud_ens20171110==12.1.0'] : []),
  'alibabacloud_credentials==1.0.12',
  'alibabacloud_tea_openapi==0.4.6',
  'alibabacloud_tea_util==0.3.15',
];

/** Actions that alibabacloud_ens20171110 12.1.0 has no request for. */
const untyped = [
  'DeleteLoadBalancer',
  'DeleteLoadBalancerHTTPListener',
  'DescribeElbAvailableResourceInfo',
];

function isTyped({ product, name }: ActionDescription): boolean {
  return product === 'Ens' && !untyped.includes(name);
}

export const quote = (text: string) => literal(text, { quote: "'", byNumber: byCodePoint });

/** `RemoveBackendServers` is remove_backend_servers, `CreateVSwitch` create_vswitch. */
const snake = (name: string) =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/([a-z])(\d)/g, '$1_$2')
    .toLowerCase();

/** The package's name of a parameter; of these it splits `VSwitch`. */
const fieldName = (parameter: string) => snake(parameter.replace(/^VSwitch/, 'V_Switch'));

/** What differs between the two forms. */
interface Form {
  readonly imports: string;
  readonly client: string;
  readonly host: string;
  /** Sets what every request of the client has. */
  readonly config: string;
  /** Further functions of the class. */
  readonly functions: string;
  /** Up to the call. */
  readonly prepare: string;
  /** `call_api(params, request, runtime)` */
  readonly call: string;
  /** The answer `resp` as plain data. */
  readonly printed: string;
}

function program({ imports, client, host, config, functions, prepare, call, printed }: Form) {
  const asynchronous = call.replace(/^(\w+?)(_with_options)?\(/, (_, name, tail = '') => {
    return `${name}${tail}_async(`;
  });
  const main = (kind: 'def main' | 'async def main_async', called: string) => `    @staticmethod
    ${kind}(args: List[str]) -> None:
        client = Sample.create_client()
${prepare}        try:
            resp = ${called}
            print(json.dumps(${printed}, indent=2, default=str))
        except Exception as error:
            print(getattr(error, 'message', error), file=sys.stderr)
            # Where the error is explained.
            print((getattr(error, 'data', None) or {}).get('Recommend'), file=sys.stderr)
            sys.exit(1)
`;
  return `# -*- coding: utf-8 -*-
# This file is auto-generated, don't edit it. Thanks.
import json
import sys

from typing import List

${imports}from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_tea_openapi import models as open_api_models
from alibabacloud_tea_util import models as util_models


class Sample:
    @staticmethod
    def create_client() -> ${client}:
        # The default chain finds the credentials. Prefer those that need no access key.
        credential = CredentialClient()
        config = open_api_models.Config(credential=credential)
        config.endpoint = ${quote(host)}
${config}        return ${client}(config)

${functions}${main('def main', `client.${call}`)}
${main('async def main_async', `await client.${asynchronous}`)}

if __name__ == '__main__':
    Sample.main(sys.argv[1:])
`;
}

const entries = (pairs: readonly (readonly [string, string])[], indent: string) =>
  linesOf(pairs, ([name, text]) => `${indent}${quote(name)}: ${quote(text)},`);

function generic(request: SampleRequest): Form {
  const { action, version, protocol, host, query, headers } = flatCall(request);
  const client = 'OpenApiClient';
  return {
    imports: `from alibabacloud_tea_openapi.client import Client as ${client}\n`,
    client,
    host,
    config: '',
    functions: `    @staticmethod
    def create_api_info() -> open_api_models.Params:
        return open_api_models.Params(
            action=${quote(action)},
            version=${quote(version)},
            protocol='${protocol}',
            method='POST',
            auth_type='AK',
            style='RPC',
            pathname='/',
            req_body_type='formData',
            body_type='json',
        )

`,
    prepare: `        params = Sample.create_api_info()
        queries = {
${entries(query, ' '.repeat(12))}        }
        headers = {
${entries(headers, ' '.repeat(12))}        }
        request = open_api_models.OpenApiRequest(query=queries, headers=headers)
        runtime = util_models.RuntimeOptions()
`,
    call: 'call_api(params, request, runtime)',
    printed: 'resp',
  };
}

function typed(request: SampleRequest): Form {
  const { action, protocol, host, headers } = flatCall(request);
  const fields = Object.entries(filled(request)).map(([parameter, value]) => {
    const model = `${action}Request${parameter}`;
    return `            ${fieldName(parameter)}=${expression(value, model, 3)},`;
  });
  const extended = `extends_parameters=util_models.ExtendsParameters(headers={
${entries(headers, ' '.repeat(12))}        })`;
  return {
    imports: `from alibabacloud_ens20171110 import models as ens_20171110_models
from alibabacloud_ens20171110.client import Client as Ens20171110Client
`,
    client: 'Ens20171110Client',
    host,
    config: `        config.protocol = '${protocol.toLowerCase()}'\n`,
    functions: '',
    prepare: `        request = ens_20171110_models.${action}Request(
${linesOf(fields, (field) => field)}        )
        runtime = util_models.RuntimeOptions(${headers.length === 0 ? '' : extended})
`,
    call: `${snake(action)}_with_options(request, runtime)`,
    printed: 'resp.to_map()',
  };
}

/** @param model the package's name for objects that stand here */
function expression(value: unknown, model: string, depth: number): string {
  const indent = '    '.repeat(depth);
  if (Array.isArray(value)) {
    const items = value.map((item) => expression(item, model, depth + 1));
    return `[\n${linesOf(items, (item) => `${indent}    ${item},`)}${indent}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    return `ens_20171110_models.${model}(
${linesOf(members, ([name, member]) => {
  return `${indent}    ${fieldName(name)}=${expression(member, `${model}${name}`, depth + 1)},`;
})}${indent})`;
  }
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'number' ? String(value) : quote(String(value));
}
