import { readme } from './readme.ts';
import {
  answersOnce,
  type FlatCall,
  flatCall,
  type Language,
  type SampleRequest,
} from './sample.ts';
import { linesOf, literal } from './text.ts';

/** The generic form, which every product has. */
export const csharp: Language = {
  id: 'csharp',
  title: 'C#',
  offers: answersOnce,
  installs: () => packages.map((name) => `dotnet add package ${name}`).join('\n'),
  source,
  project: (request) => ({
    'Sample.cs': source(request),
    'Sample.csproj': `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net8.0</TargetFramework>
  </PropertyGroup>
  <ItemGroup>
${linesOf(packages, (name) => `    <PackageReference Include="${name}" Version="*" />`)}\
  </ItemGroup>
</Project>
`,
    'README.md': readme(request, 'C#', ['dotnet run']),
  }),
};

const packages = ['AlibabaCloud.OpenApiClient', 'AlibabaCloud.TeaUtil', 'Aliyun.Credentials'];

export const quote = (text: string) => literal(text, { quote: '"' });

function dictionary(name: string, entries: FlatCall['query']): string {
  return `            Dictionary<string, string> ${name} = new Dictionary<string, string>();
${linesOf(entries, ([key, text]) => `            ${name}[${quote(key)}] = ${quote(text)};`)}`;
}

function source(request: SampleRequest): string {
  const { action, version, protocol, host, query, headers } = flatCall(request);
  return `// This file is auto-generated, don't edit it. Thanks.
using System;
using System.Collections.Generic;
using AlibabaCloud.OpenApiClient.Models;
using AlibabaCloud.TeaUtil.Models;
using Tea;

namespace AlibabaCloud.SDK.Sample
{
    public class Sample
    {
        public static AlibabaCloud.OpenApiClient.Client CreateClient()
        {
            // The default chain finds the credentials. Prefer those that need no access key.
            Aliyun.Credentials.Client credential = new Aliyun.Credentials.Client();
            Config config = new Config { Credential = credential };
            config.Endpoint = ${quote(host)};
            return new AlibabaCloud.OpenApiClient.Client(config);
        }

        public static Params CreateApiInfo()
        {
            return new Params
            {
                Action = ${quote(action)},
                Version = ${quote(version)},
                Protocol = "${protocol}",
                Method = "POST",
                AuthType = "AK",
                Style = "RPC",
                Pathname = "/",
                ReqBodyType = "formData",
                BodyType = "json",
            };
        }

        public static int Main(string[] args)
        {
${dictionary('queries', query)}${dictionary('headers', headers)}\
            OpenApiRequest request = new OpenApiRequest { Query = queries, Headers = headers };
            RuntimeOptions runtime = new RuntimeOptions();
            try
            {
                AlibabaCloud.OpenApiClient.Client client = CreateClient();
                var resp = client.CallApi(CreateApiInfo(), request, runtime);
                Console.WriteLine(AlibabaCloud.TeaUtil.Common.ToJSONString(resp));
                return 0;
            }
            catch (TeaException error)
            {
                Console.Error.WriteLine(error.Message);
                // Where the error is explained.
                if (error.Data != null) Console.Error.WriteLine(error.Data["Recommend"]);
                return 1;
            }
            catch (Exception error)
            {
                Console.Error.WriteLine(error.Message);
                return 1;
            }
        }
    }
}
`;
}
