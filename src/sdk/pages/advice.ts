/** What to do about an error, in English and in Chinese. The Chinese is Sluice's own wording. */
export interface Advice {
  readonly en: string;
  readonly zh: string;
}

/** The first whose pattern the code has. */
const advice: readonly (readonly [RegExp, Advice])[] = [
  [
    /^Throttling/,
    {
      en: 'Wait as many milliseconds as x-acs-retry-after says, then call again; space calls out.',
      zh: '请求过于频繁。请按 x-acs-retry-after（毫秒）等待后重试，并降低调用频率。',
    },
  ],
  [
    /^(InvalidTimeStamp|MissingTimestamp)/,
    {
      en: 'Set the clock of the calling machine (NTP), and send UTC as yyyy-MM-ddTHH:mm:ssZ.',
      zh: '请校准客户端时钟（NTP），并以 UTC 格式 yyyy-MM-ddTHH:mm:ssZ 发送时间。',
    },
  ],
  [
    /Signature|ContentMD5/,
    {
      en:
        'Let an official SDK sign. By hand: compare your string to sign with the one in the ' +
        'message, check the secret, and use a new nonce for every call.',
      zh: '建议使用官方 SDK 签名。若自行签名，请对比返回的待签名字符串，检查密钥，并为每次请求使用新的随机数。',
    },
  ],
  [
    /AccessKeyId/,
    {
      en: 'Check the access key ID, that it is active, and that it belongs to this Sluice.',
      zh: '请检查 AccessKey ID 是否正确、是否启用，以及是否属于本 Sluice。',
    },
  ],
  [
    /SecurityToken/,
    {
      en: 'Send the token that came with this temporary key; ask AssumeRole for a new one.',
      zh: '请发送与该临时密钥一同签发的令牌；如已失效，请通过 AssumeRole 重新获取。',
    },
  ],
  [
    /NoPermission|^AssumeRole/,
    {
      en:
        'Ask an administrator to attach a policy that allows the action. ExplainAuthorization ' +
        'tells which statement decided; DecodeDiagnosticMessage reads AccessDeniedDetail.',
      zh:
        '请联系管理员授予允许该操作的策略。可用 ExplainAuthorization 查看由哪条语句决定，' +
        '用 DecodeDiagnosticMessage 解读 AccessDeniedDetail。',
    },
  ],
  [
    /^(InvalidAction|InvalidVersion|MissingAction|MissingVersion|UnsupportedHTTPMethod)/,
    {
      en: 'Check the spelling of Action and its Version, and call GET or POST on /.',
      zh: '请检查 Action 与 Version 的拼写，并以 GET 或 POST 调用路径 /。',
    },
  ],
  [
    /^OperationConflict/,
    {
      en: 'Read the resource again, decide anew, and repeat the call.',
      zh: '请重新读取资源的当前状态，确认后再次调用。',
    },
  ],
  [
    /^(InternalError|ServiceUnavailable|ens\.interface\.error)/,
    {
      en: 'Read the message and x-sluice-detail, then look the RequestId up in the log.',
      zh: '请查看错误消息与 x-sluice-detail；若无说明，请用 RequestId 查询服务端日志。',
    },
  ],
  [
    /^IdempotentParameterMismatch/,
    {
      en: 'Use a new ClientToken for another request, or repeat the first one unchanged.',
      zh: '不同的请求请使用新的 ClientToken，或原样重发首次请求。',
    },
  ],
  [
    /^Missing/,
    {
      en: 'Send the parameter; an empty value counts as absent.',
      zh: '请提供该参数；空值视为未提供。',
    },
  ],
  [
    /NotFound|NotExist/,
    {
      en: 'Check the name or ID; the Describe or List action tells what the account has.',
      zh: '请检查名称或 ID 是否正确且属于当前账号，可用相应的 Describe 或 List 操作查询。',
    },
  ],
  [
    /^(EntityAlreadyExists|ListenerAlreadyExists)/,
    {
      en: 'Choose another name or port, or change the one that is there.',
      zh: '请更换名称或端口，或修改已存在的对象。',
    },
  ],
  [
    /^(DeleteConflict|CertificateInUse)/,
    {
      en: 'Take away first what the message names, then delete.',
      zh: '请先解除消息中所述的关联，再执行删除。',
    },
  ],
  [
    /^LimitExceeded/,
    {
      en: 'Delete what is no longer needed. The limits are those of RAM.',
      zh: '已达上限，请删除不再需要的对象。',
    },
  ],
  [
    /Status$|^TooMany/,
    {
      en: 'Look at the state of the resource, bring it into one that allows the call, and repeat.',
      zh: '资源当前状态不允许该操作。请查看并调整其状态后重试。',
    },
  ],
  [
    /^MalformedPolicyDocument|Policy(Grammar|Size)$/,
    {
      en: 'Mend the policy where the message says; the RAM page shows the grammar.',
      zh: '请按错误消息修正策略文档；语法见 RAM 页面。',
    },
  ],
  [
    /^Console/,
    {
      en: 'Open the console anew and sign in again.',
      zh: '请重新打开控制台并登录。',
    },
  ],
];

const general: Advice = {
  en: 'Compare the value with the parameters of the action; x-sluice-detail says what is due.',
  zh: '请对照该操作的参数表检查取值；响应头 x-sluice-detail 说明了期望的形式。',
};

/** What whoever got this error does next. */
export function adviceOn(code: string): Advice {
  return advice.find(([pattern]) => pattern.test(code))?.[1] ?? general;
}
