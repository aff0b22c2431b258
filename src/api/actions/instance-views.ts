import { z } from 'zod';
import type { Instance } from '../../elb/types.ts';

/** How DescribeInstances shows a registered machine. */

const addressList = z.object({ IpAddress: z.array(z.string()) });

const gatewayed = z.object({ Ip: z.string(), GateWay: z.string(), Isp: z.string() });

const disk = {
  Category: z.string(),
  DiskId: z.string(),
  DiskName: z.string(),
  Size: z.int(),
  device_type: z.string(),
  disk_type: z.string(),
  name: z.string(),
  storage: z.int(),
  uuid: z.string(),
};

const networkInterface = z.object({
  NetworkInterfaceId: z.string(),
  PrimaryIpAddress: z.string(),
  PrivateIpSets: z.object({
    PrivateIpSet: z.array(z.object({ PrivateIpAddress: z.string(), Primary: z.boolean() })),
  }),
  Ipv6Sets: z.object({ Ipv6Set: z.array(z.object({ Ipv6Address: z.string() })) }),
  MacAddress: z.string(),
  Type: z.string(),
  VpdId: z.string(),
  VpdVSwitchId: z.string(),
});

/** What a record of a machine does not have: present, empty, of the documented type. */
const unrecorded = {
  AutoReleaseTime: z.string(),
  DataDisk: z.object({
    DataDisk: z.array(
      z.object({
        ...disk,
        DiskSize: z.int(),
        EncryptKeyId: z.string(),
        Encrypted: z.boolean(),
      }),
    ),
  }),
  ExpiredTime: z.string(),
  ImageId: z.string(),
  InternetMaxBandwidthOut: z.int(),
  KeyPairName: z.string(),
  PublicIpAddresses: z.object({ PublicIpAddress: z.array(gatewayed) }),
  SecurityGroupIds: z.object({ SecurityGroupId: z.array(z.string()) }),
  ServiceStatus: z.string(),
  SpecName: z.string(),
  SpotStrategy: z.string(),
  SystemDisk: z.object(disk),
  Tags: z.object({ Tags: z.array(z.object({ TagKey: z.string(), TagValue: z.string() })) }),
};

const nothingRecorded: z.infer<z.ZodObject<typeof unrecorded>> = {
  AutoReleaseTime: '',
  DataDisk: { DataDisk: [] },
  ExpiredTime: '',
  ImageId: '',
  InternetMaxBandwidthOut: 0,
  KeyPairName: '',
  PublicIpAddresses: { PublicIpAddress: [] },
  SecurityGroupIds: { SecurityGroupId: [] },
  ServiceStatus: '',
  SpecName: '',
  SpotStrategy: '',
  SystemDisk: {
    Category: '',
    DiskId: '',
    DiskName: '',
    Size: 0,
    device_type: '',
    disk_type: '',
    name: '',
    storage: 0,
    uuid: '',
  },
  Tags: { Tags: [] },
};

export const instanceView = z.object({
  InstanceId: z.string(),
  InstanceName: z.string(),
  HostName: z.string(),
  EnsRegionId: z.string(),
  Status: z.string(),
  CreationTime: z.string(),
  InstanceResourceType: z.string(),
  InnerIpAddress: addressList,
  PublicIpAddress: addressList,
  PrivateIpAddresses: z.object({ PrivateIpAddress: z.array(gatewayed) }),
  NetworkAttributes: z.object({
    NetworkId: z.string(),
    VSwitchId: z.string(),
    PrivateIpAddress: addressList,
  }),
  NetworkInterfaces: z.object({ NetworkInterfaces: z.array(networkInterface) }),
  ...unrecorded,
});

/** Terraform reads it as paid after use. */
export const resourceType = 'EnsPostPaidInstance';

export function viewOfInstance(value: Instance): z.infer<typeof instanceView> {
  const own = { IpAddress: [value.privateIp] };
  return {
    InstanceId: value.id,
    InstanceName: value.name,
    HostName: value.name,
    EnsRegionId: value.site,
    Status: value.status,
    CreationTime: value.createTime,
    InstanceResourceType: resourceType,
    InnerIpAddress: own,
    PublicIpAddress: { IpAddress: [] },
    PrivateIpAddresses: { PrivateIpAddress: [{ Ip: value.privateIp, GateWay: '', Isp: '' }] },
    NetworkAttributes: {
      NetworkId: value.networkId,
      VSwitchId: value.vSwitchId,
      PrivateIpAddress: own,
    },
    NetworkInterfaces: { NetworkInterfaces: value.interfaces.map(viewOfInterface) },
    ...nothingRecorded,
  };
}

function viewOfInterface({
  id,
  privateIp,
}: Instance['interfaces'][number]): z.infer<typeof networkInterface> {
  return {
    NetworkInterfaceId: id,
    PrimaryIpAddress: privateIp,
    PrivateIpSets: { PrivateIpSet: [{ PrivateIpAddress: privateIp, Primary: true }] },
    Ipv6Sets: { Ipv6Set: privateIp.includes(':') ? [{ Ipv6Address: privateIp }] : [] },
    MacAddress: '',
    Type: '',
    VpdId: '',
    VpdVSwitchId: '',
  };
}
