import { readme } from './readme.ts';
import { filled, flatCall, type Language, type SampleRequest } from './sample.ts';
import { byCodePoint, linesOf, literal } from './text.ts';

/** Resources of the provider alicloud, for actions that make one. */
export const terraform: Language = {
  id: 'terraform',
  title: 'Terraform',
  offers: ({ name, product }) => product === 'Ens' && resources[name] !== undefined,
  installs: () => 'terraform init',
  source,
  project: (request) => ({
    'main.tf': source(request),
    'README.md': readme(request, 'Terraform', ['terraform init', 'terraform apply']),
  }),
};

/** What an action makes, and the arguments of its parameters (provider 1.286.0). */
interface Resource {
  readonly type: string;
  readonly arguments: Readonly<Record<string, string>>;
  /** Arguments that the provider insists on and that have one value. */
  readonly fixed?: Readonly<Record<string, string>>;
}

const resources: Readonly<Record<string, Resource>> = {
  CreateLoadBalancer: {
    type: 'alicloud_ens_load_balancer',
    arguments: {
      EnsRegionId: 'ens_region_id',
      LoadBalancerName: 'load_balancer_name',
      LoadBalancerSpec: 'load_balancer_spec',
      NetworkId: 'network_id',
      VSwitchId: 'vswitch_id',
    },
    fixed: { payment_type: 'PayAsYouGo' },
  },
  CreateNetwork: {
    type: 'alicloud_ens_network',
    arguments: {
      EnsRegionId: 'ens_region_id',
      NetworkName: 'network_name',
      CidrBlock: 'cidr_block',
      Description: 'description',
    },
  },
  CreateVSwitch: {
    type: 'alicloud_ens_vswitch',
    arguments: {
      EnsRegionId: 'ens_region_id',
      NetworkId: 'network_id',
      VSwitchName: 'vswitch_name',
      CidrBlock: 'cidr_block',
      Description: 'description',
    },
  },
};

/** No `${` or `%{` is left for HCL to fill in. */
const quote = (text: string) =>
  literal(text, { quote: '"', byNumber: byCodePoint })
    .replaceAll('${', '\\u0024{')
    .replaceAll('%{', '\\u0025{');

function source(request: SampleRequest): string {
  const { protocol, host } = flatCall(request);
  const resource = resources[request.action.name];
  if (resource === undefined) throw new Error(`${request.action.name} makes no resource`);
  const { type, arguments: names, fixed = {} } = resource;
  const values = filled(request);
  const given = Object.entries(names).flatMap(([parameter, name]) => {
    return values[parameter] === undefined ? [] : [[name, String(values[parameter])] as const];
  });
  const all = [...given, ...Object.entries(fixed)];
  const width = Math.max(...all.map(([name]) => name.length));
  return `terraform {
  required_providers {
    alicloud = {
      source  = "aliyun/alicloud"
      version = "1.286.0"
    }
  }
}

provider "alicloud" {
  region                 = ${quote(request.region ?? 'cn-hangzhou')}
  protocol               = "${protocol}"
  account_type           = "Domestic"
  skip_region_validation = true

  endpoints {
    ens = ${quote(host)}
  }
}

resource "${type}" "sample" {
${linesOf(all, ([name, value]) => `  ${name.padEnd(width)} = ${quote(value)}`)}}
`;
}
