import { readme } from './readme.ts';
import { answersOnce, flatCall, type Language, type SampleRequest } from './sample.ts';
import { byCodePoint, linesOf, literal } from './text.ts';

/** The generic form, which every product has. */
export const go: Language = {
  id: 'go',
  title: 'Go',
  offers: answersOnce,
  installs: () => `go get ${modules.map(([name, version]) => `${name}@${version}`).join(' ')}`,
  source,
  project: (request) => ({
    'main.go': source(request),
    'go.mod': `module sample

go 1.19

require (
${linesOf(modules, ([name, version]) => `\t${name} ${version}`)})
`,
    // go.sum is not known before the modules are there: `go mod tidy` writes it.
    'README.md': readme(request, 'Go', ['go mod tidy', 'go run .']),
  }),
};

const modules = [
  ['github.com/alibabacloud-go/darabonba-openapi/v2', 'v2.1.13'],
  ['github.com/alibabacloud-go/tea', 'v1.5.4'],
  ['github.com/alibabacloud-go/tea-utils/v2', 'v2.0.9'],
  ['github.com/aliyun/credentials-go', 'v1.4.14'],
] as const;

const quote = (text: string) => literal(text, { quote: '"', byNumber: byCodePoint });

function source(request: SampleRequest): string {
  const { action, version, protocol, host, query, headers } = flatCall(request);
  const entry = ([name, text]: readonly [string, string]) =>
    `\t\t${quote(name)}: tea.String(${quote(text)}),`;
  return `// This file is auto-generated, don't edit it. Thanks.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	credential "github.com/aliyun/credentials-go/credentials"
)

func CreateClient() (_result *openapi.Client, _err error) {
	// The default chain finds the credentials. Prefer those that need no access key.
	credential, _err := credential.NewCredential(nil)
	if _err != nil {
		return nil, _err
	}
	config := &openapi.Config{Credential: credential}
	config.Endpoint = tea.String(${quote(host)})
	return openapi.NewClient(config)
}

func CreateApiInfo() *openapi.Params {
	return &openapi.Params{
		Action:      tea.String(${quote(action)}),
		Version:     tea.String(${quote(version)}),
		Protocol:    tea.String("${protocol}"),
		Method:      tea.String("POST"),
		AuthType:    tea.String("AK"),
		Style:       tea.String("RPC"),
		Pathname:    tea.String("/"),
		ReqBodyType: tea.String("formData"),
		BodyType:    tea.String("json"),
	}
}

func _main(args []*string) (_err error) {
	client, _err := CreateClient()
	if _err != nil {
		return _err
	}
	params := CreateApiInfo()
	queries := map[string]*string{
${linesOf(query, entry)}	}
	headers := map[string]*string{
${linesOf(headers, entry)}	}
	request := &openapi.OpenApiRequest{Query: queries, Headers: headers}
	runtime := &util.RuntimeOptions{}
	resp, _err := client.CallApi(params, request, runtime)
	if _err != nil {
		return _err
	}
	text, _err := json.MarshalIndent(resp, "", "  ")
	if _err != nil {
		return _err
	}
	fmt.Println(string(text))
	return nil
}

func main() {
	err := _main(tea.StringSlice(os.Args[1:]))
	if err == nil {
		return
	}
	var sdkError *tea.SDKError
	if errors.As(err, &sdkError) {
		fmt.Fprintln(os.Stderr, tea.StringValue(sdkError.Message))
		// Data holds where the error is explained, as Recommend.
		fmt.Fprintln(os.Stderr, tea.StringValue(sdkError.Data))
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}
`;
}
