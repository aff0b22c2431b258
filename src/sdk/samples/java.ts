import { readme } from './readme.ts';
import { answersOnce, flatCall, type Language, type SampleRequest } from './sample.ts';
import { linesOf, literal } from './text.ts';

/** The generic form, which every product has. */
export const java: Language = {
  id: 'java',
  title: 'Java',
  offers: answersOnce,
  installs: () => 'mvn compile',
  source,
  project: (request) => ({
    'src/main/java/com/aliyun/sample/Sample.java': source(request),
    'pom.xml': pom,
    'README.md': readme(request, 'Java', ['mvn -q compile exec:java']),
  }),
};

const quote = (text: string) => literal(text, { quote: '"', ascii: true });

function source(request: SampleRequest): string {
  const { action, version, protocol, host, query, headers } = flatCall(request);
  const put =
    (map: string) =>
    ([name, text]: readonly [string, string]) =>
      `        ${map}.put(${quote(name)}, ${quote(text)});`;
  return `// This file is auto-generated, don't edit it. Thanks.
package com.aliyun.sample;

import com.aliyun.tea.TeaException;
import com.aliyun.teaopenapi.models.Config;
import com.aliyun.teaopenapi.models.OpenApiRequest;
import com.aliyun.teaopenapi.models.Params;
import com.aliyun.teautil.models.RuntimeOptions;
import com.google.gson.GsonBuilder;
import java.util.HashMap;
import java.util.Map;

public class Sample {
    public static com.aliyun.teaopenapi.Client createClient() throws Exception {
        // The default chain finds the credentials. Prefer those that need no access key.
        com.aliyun.credentials.Client credential = new com.aliyun.credentials.Client();
        Config config = new Config().setCredential(credential);
        config.endpoint = ${quote(host)};
        return new com.aliyun.teaopenapi.Client(config);
    }

    public static Params createApiInfo() {
        return new Params()
            .setAction(${quote(action)})
            .setVersion(${quote(version)})
            .setProtocol("${protocol}")
            .setMethod("POST")
            .setAuthType("AK")
            .setStyle("RPC")
            .setPathname("/")
            .setReqBodyType("formData")
            .setBodyType("json");
    }

    public static void main(String[] args) {
        Map<String, String> queries = new HashMap<>();
${linesOf(query, put('queries'))}\
        Map<String, String> headers = new HashMap<>();
${linesOf(headers, put('headers'))}\
        OpenApiRequest request = new OpenApiRequest().setQuery(queries).setHeaders(headers);
        RuntimeOptions runtime = new RuntimeOptions();
        try {
            Map<String, ?> resp = createClient().callApi(createApiInfo(), request, runtime);
            System.out.println(new GsonBuilder().setPrettyPrinting().create().toJson(resp));
        } catch (TeaException error) {
            System.err.println(error.getMessage());
            // Where the error is explained.
            if (error.getData() != null) System.err.println(error.getData().get("Recommend"));
            System.exit(1);
        } catch (Exception error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }
}
`;
}

const pom = `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.aliyun.sample</groupId>
  <artifactId>sample</artifactId>
  <version>1.0.0</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source>
    <maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
    <exec.mainClass>com.aliyun.sample.Sample</exec.mainClass>
  </properties>
  <dependencies>
    <dependency>
      <groupId>com.aliyun</groupId>
      <artifactId>tea-openapi</artifactId>
      <version>0.3.15</version>
    </dependency>
  </dependencies>
</project>
`;
