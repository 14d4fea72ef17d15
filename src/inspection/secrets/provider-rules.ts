/** A rule of ours: the value is the group that matched where there is one, else the whole match. */
export interface ProviderRule {
  id: string;
  title: string;
  /** Starts with, or shortly after, one of the keywords. */
  pattern: string;
  keywords: readonly string[];
  entropy?: number;
  score?: number;
}

/** `name = value` with the usual operators and quotes. */
function assigned(name: string, value: string): string {
  return `(?i:${name})[\\w .-]{0,24}["'\\]]{0,2}[ \\t]{0,3}(?:=>|:=|=|:)[ \\t]{0,3}["'\`]?(${value})(?![\\w-])`;
}

/**
 * Formats that the providers document or that their keys show, which the ported rules do not hold or hold too narrowly:
 * above all the providers of generative AI.
 */
export const providerRules: readonly ProviderRule[] = [
  {
    id: 'anthropic-key',
    title: 'Anthropic session or OAuth token',
    pattern: '(?<![\\w-])(sk-ant-(?!api|admin)[a-z]{2,8}\\d{2}-[\\w-]{24,160})(?![\\w-])',
    keywords: ['sk-ant-'],
  },
  {
    id: 'openai-key',
    title: 'OpenAI project, service account or admin key',
    pattern: '(?<![\\w-])(sk-(?:proj|svcacct|admin|None)-[\\w-]{32,200})(?![\\w-])',
    keywords: ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-none-'],
  },
  {
    id: 'openai-legacy-key',
    title: 'Key of the form sk- with 32 or 48 characters, as OpenAI, DeepSeek and others use',
    pattern: '(?<![\\w-])(sk-(?:[A-Za-z0-9]{48}|[a-f0-9]{32}))(?![\\w-])',
    keywords: ['sk-'],
    entropy: 3,
  },
  {
    id: 'openrouter-key',
    title: 'OpenRouter key',
    pattern: '(?<![\\w-])(sk-or-(?:v\\d-)?[a-f0-9]{64})\\b',
    keywords: ['sk-or-'],
  },
  { id: 'groq-key', title: 'Groq key', pattern: '\\b(gsk_[A-Za-z0-9]{48,56})\\b', keywords: ['gsk_'] },
  { id: 'xai-key', title: 'xAI key', pattern: '(?<![\\w-])(xai-\\w{64,90})\\b', keywords: ['xai-'] },
  {
    id: 'replicate-token',
    title: 'Replicate token',
    pattern: '\\b(r8_[A-Za-z0-9]{37,46})\\b',
    keywords: ['r8_'],
  },
  {
    id: 'pinecone-key',
    title: 'Pinecone key',
    pattern: '\\b(pcsk_[A-Za-z0-9]{4,8}_[A-Za-z0-9]{40,80})\\b',
    keywords: ['pcsk_'],
  },
  {
    id: 'langsmith-key',
    title: 'LangSmith key',
    pattern: '\\b(lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10})\\b',
    keywords: ['lsv2_'],
  },
  {
    id: 'langfuse-key',
    title: 'Langfuse secret key',
    pattern: '(?<![\\w-])(sk-lf-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})\\b',
    keywords: ['sk-lf-'],
  },
  {
    id: 'jina-key',
    title: 'Jina AI key',
    pattern: '(?<![\\w-])(jina_[a-f0-9]{32}[\\w-]{26,30})(?![\\w-])',
    keywords: ['jina_'],
  },
  {
    id: 'together-key',
    title: 'Together AI key',
    pattern: '(?<![\\w-])(tgp_v1_[\\w-]{40,50})(?![\\w-])',
    keywords: ['tgp_v1_'],
  },
  {
    id: 'nvidia-key',
    title: 'NVIDIA API key',
    pattern: '(?<![\\w-])(nvapi-[\\w-]{56,80})(?![\\w-])',
    keywords: ['nvapi-'],
  },
  {
    id: 'cerebras-key',
    title: 'Cerebras key',
    pattern: '\\b(csk-[a-z0-9]{44,52})\\b',
    keywords: ['csk-'],
  },
  {
    id: 'tavily-key',
    title: 'Tavily key',
    pattern: '\\b(tvly-(?:dev-|prod-)?[A-Za-z0-9]{28,36})\\b',
    keywords: ['tvly-'],
  },
  { id: 'firecrawl-key', title: 'Firecrawl key', pattern: '\\b(fc-[a-f0-9]{32})\\b', keywords: ['fc-'] },
  {
    id: 'fireworks-key',
    title: 'Fireworks AI key',
    pattern: '\\b(fw_[A-Za-z0-9]{22,26})\\b',
    keywords: ['fw_'],
    entropy: 3.5,
  },
  { id: 'e2b-key', title: 'E2B key', pattern: '\\b(e2b_[a-f0-9]{40})\\b', keywords: ['e2b_'] },
  {
    id: 'elevenlabs-key',
    title: 'ElevenLabs key',
    pattern: '\\b(sk_[a-f0-9]{48})\\b',
    keywords: ['sk_'],
    entropy: 3,
  },
  {
    id: 'voyage-key',
    title: 'Voyage AI key',
    pattern: '(?<![\\w-])(pa-[\\w-]{43})(?![\\w-])',
    keywords: ['pa-'],
    entropy: 4,
  },
  { id: 'supabase-token', title: 'Supabase token', pattern: '\\b(sbp_[a-z0-9]{40})\\b', keywords: ['sbp_'] },
  {
    id: 'huggingface-token',
    title: 'Hugging Face token',
    pattern: '\\b((?:hf_|api_org_)[A-Za-z0-9]{34})\\b',
    keywords: ['hf_', 'api_org_'],
    entropy: 3,
  },
  {
    id: 'mistral-key',
    title: 'Mistral key',
    pattern: assigned('mistral', '[A-Za-z0-9]{32}'),
    keywords: ['mistral'],
    entropy: 3,
    score: 0.8,
  },
  {
    id: 'azure-openai-key',
    title: 'Azure OpenAI or AI service key',
    pattern: assigned('(?:azure|openai|cognitive|aoai)', '[a-f0-9]{32}|[A-Za-z0-9]{84}'),
    keywords: ['azure', 'openai', 'cognitive', 'aoai'],
    entropy: 3,
    score: 0.8,
  },
  {
    id: 'azure-account-key',
    title: 'Azure storage or service bus key',
    pattern: '(?i:AccountKey|SharedAccessKey)[ \\t]{0,3}[=:][ \\t]{0,3}["\']?([A-Za-z0-9+/]{42,86}={1,2})',
    keywords: ['accountkey', 'sharedaccesskey'],
    entropy: 3.5,
  },
  {
    id: 'azure-shared-access-signature',
    title: 'Azure shared access signature',
    pattern: '[?&]sig=([A-Za-z0-9%+/]{43,64}(?:=|%3[dD])?)',
    keywords: ['sig='],
    entropy: 3.5,
  },
  {
    id: 'google-oauth-secret',
    title: 'Google OAuth client secret or access token',
    pattern: '\\b(GOCSPX-[\\w-]{28}|ya29\\.[\\w-]{30,512})(?![\\w-])',
    keywords: ['gocspx-', 'ya29.'],
  },
  {
    id: 'github-token',
    title: 'GitHub token',
    pattern: '\\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\\b',
    keywords: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    entropy: 3,
  },
  {
    id: 'aws-secret-key',
    title: 'AWS secret access key',
    pattern:
      '(?i:aws|secret)[\\w .-]{0,24}["\'\\]]{0,2}[ \\t]{0,3}(?:=>|:=|=|:)[ \\t]{0,3}["\'`]?([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])',
    keywords: ['aws', 'secret'],
    entropy: 4,
    score: 0.9,
  },
  {
    id: 'merlon-client-key',
    title: 'Client key of Merlon',
    pattern: '(?<![\\w-])(mrl_[a-z0-9]{1,12}_[A-Za-z0-9]{4,40}_[A-Za-z0-9_-]{16,64}_[A-Za-z0-9]{4,12})\\b',
    keywords: ['mrl_'],
  },
  {
    id: 'url-credentials',
    title: 'Password in a URL',
    pattern:
      '(?i:(?:amqps?|ftps?|https?|imaps?|ldaps?|mongodb(?:\\+srv)?|mqtts?|mssql|mysql2?|postgres(?:ql)?|redis|rediss|sftp|smtps?|ssh|wss?)://)[^\\s:/@"\'<>{}$%]{0,64}:([^\\s/@"\'<>{}$]{5,128})@[\\w.-]{1,253}',
    keywords: ['://'],
    score: 0.85,
  },
  {
    id: 'circleci-token',
    title: 'CircleCI token',
    pattern: '\\b(CCI(?:PAT|PRJ)_\\w{22}_\\w{40,50})\\b',
    keywords: ['ccipat_', 'cciprj_'],
  },
  {
    id: 'dependency-track-key',
    title: 'Dependency-Track key',
    pattern: '\\b(odt_[A-Za-z0-9_]{32,36})\\b',
    keywords: ['odt_'],
    entropy: 3,
  },
  {
    id: 'docker-token',
    title: 'Docker Hub token',
    pattern: '(?<![\\w-])(dckr_(?:pat|oat)_[\\w-]{27,32})(?![\\w-])',
    keywords: ['dckr_'],
  },
  {
    id: 'doppler-token',
    title: 'Doppler token',
    pattern: '\\b(dp\\.(?:ct|pt|st|sa|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44})\\b',
    keywords: ['dp.ct.', 'dp.pt.', 'dp.st.', 'dp.sa.', 'dp.scim.', 'dp.audit.'],
  },
  {
    id: 'buildkite-token',
    title: 'Buildkite token',
    pattern: '\\b(bkua_[a-z0-9]{40})\\b',
    keywords: ['bkua_'],
  },
  {
    id: 'azure-devops-token',
    title: 'Azure DevOps token',
    pattern:
      '\\b([A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18}AZDO[A-Za-z0-9]{4})\\b',
    keywords: ['azdo'],
  },
  {
    id: 'crates-io-token',
    title: 'crates.io token',
    pattern: '\\b(cio[A-Za-z0-9]{32})\\b',
    keywords: ['cio'],
    entropy: 3.5,
  },
  {
    id: 'password-hash',
    title: 'Password hash',
    pattern: '(?<![\\w$])(\\$(?:1|5|6|7|8|y|2[abxy])\\$(?:rounds=\\d{3,9}\\$)?[./A-Za-z0-9$]{30,120})',
    keywords: ['$1$', '$5$', '$6$', '$7$', '$8$', '$y$', '$2a$', '$2b$', '$2x$', '$2y$'],
    entropy: 3,
    score: 0.8,
  },
  {
    id: 'kerberos-hash',
    title: 'Kerberos AS-REP or TGS hash',
    pattern: '(\\$krb5(?:asrep|tgs|pa)\\$[\\w$@.:*/-]{32,512})',
    keywords: ['$krb5'],
  },
  {
    id: 'netrc-password',
    title: 'Password in a netrc file',
    pattern:
      '(?i:machine)\\s{1,8}\\S{1,253}\\s{1,8}(?i:login)\\s{1,8}\\S{1,128}\\s{1,8}(?i:password)\\s{1,8}(\\S{6,128})',
    keywords: ['machine'],
    score: 0.9,
  },
  {
    id: 'okta-token',
    title: 'Okta API token',
    pattern: '\\b(?i:SSWS|okta)[\\w ."\':=-]{1,32}?\\b(00[\\w-]{40})(?![\\w-])',
    keywords: ['ssws', 'okta'],
    entropy: 3,
  },
  {
    id: 'teams-webhook',
    title: 'Microsoft Teams webhook',
    pattern:
      '(outlook\\.office(?:365)?\\.com/webhook(?:b2)?/[a-f0-9@-]{40,80}/IncomingWebhook/[a-f0-9]{20,40}/[a-f0-9-]{20,40})',
    keywords: ['outlook.office'],
  },
  {
    id: 'discord-webhook',
    title: 'Discord webhook',
    pattern: '(discord(?:app)?\\.com/api/webhooks/\\d{17,20}/[\\w-]{60,72})(?![\\w-])',
    keywords: ['discord'],
  },
  {
    id: 'twitch-stream-key',
    title: 'Twitch stream key',
    pattern: '\\b(live_\\d{6,12}_[A-Za-z0-9]{30})\\b',
    keywords: ['live_'],
  },
  { id: 'readme-key', title: 'ReadMe key', pattern: '\\b(rdme_[a-z0-9]{70})\\b', keywords: ['rdme_'] },
  {
    id: 'fleetbase-key',
    title: 'Fleetbase key',
    pattern: '\\b(flb_live_[A-Za-z0-9]{20})\\b',
    keywords: ['flb_live_'],
  },
  {
    id: 'flexport-key',
    title: 'Flexport key',
    pattern: '(?<![\\w-])(shltm_[\\w-]{40})(?![\\w-])',
    keywords: ['shltm_'],
  },
  {
    id: 'square-secret',
    title: 'Square OAuth secret',
    pattern: '\\b(sq0(?:csp|atp|idp)-[\\w^\\\\-]{22,50})',
    keywords: ['sq0csp-', 'sq0atp-', 'sq0idp-'],
  },
  {
    id: 'typeform-token',
    title: 'Typeform token',
    pattern: '(?<![\\w-])(tfp_[\\w-]{40,64})(?![\\w-])',
    keywords: ['tfp_'],
  },
  {
    id: 'tailscale-key',
    title: 'Tailscale key',
    pattern: '\\b(tskey-[a-z]{2,12}-[A-Za-z0-9]{7,20}-[A-Za-z0-9]{4,40})\\b',
    keywords: ['tskey-'],
  },
  {
    id: 'notion-token',
    title: 'Notion token',
    pattern: '\\b((?:secret_|ntn_)[A-Za-z0-9]{40,50})\\b',
    keywords: ['secret_', 'ntn_'],
    entropy: 3.5,
  },
  {
    id: 'supernotes-key',
    title: 'Supernotes key',
    pattern: '\\b(supernotes_sk-[A-Za-z0-9]{36,48})\\b',
    keywords: ['supernotes_sk-'],
  },
  {
    id: 'wandb-key',
    title: 'Weights & Biases key',
    pattern: '(?i:wandb|wandb_api_key)[\\w ."\':=-]{1,24}?\\b([a-f0-9]{40})\\b',
    keywords: ['wandb'],
    entropy: 2.5,
    score: 0.9,
  },
  {
    id: 'slack-token',
    title: 'Slack token of any kind',
    pattern: '\\b(xox[abceoprs](?:\\.xox[bp])?-(?=[\\w-]{0,40}\\d{6})[\\w-]{36,250})(?![\\w-])',
    keywords: ['xoxa', 'xoxb', 'xoxc', 'xoxe', 'xoxo', 'xoxp', 'xoxr', 'xoxs'],
    entropy: 3,
  },
  {
    id: 'mongodb-url',
    title: 'Password in a MongoDB URL',
    pattern: '(?i:mongodb(?:\\+srv)?)://[^\\s:/"\'<>]{1,64}:([^\\s"\'<>/]{3,128})@[\\w.-]{4,253}',
    keywords: ['mongodb'],
    score: 0.9,
  },
  {
    id: 'connection-string',
    title: 'Password in a connection string',
    pattern:
      '(?i:server|data source|provider|host|driver|database|initial catalog)[ \\t]{0,3}=[^\\r\\n;]{1,160};(?:[^\\r\\n;]{1,120};[ \\t]{0,3}){0,6}[ \\t]{0,3}(?i:password|pwd)[ \\t]{0,3}=[ \\t]{0,3}([^\\s;"\'<>{}$%]{5,128})',
    keywords: ['password', 'pwd'],
    score: 0.8,
  },
  {
    id: 'network-credential',
    title: 'Password given to a credential object',
    pattern:
      '(?i:NetworkCredential|DirectoryEntry)\\([^()\\r\\n"]{0,16}"[^"\\r\\n]{1,128}"(?:,\\s{0,64}"[^"\\r\\n]{1,128}"){0,1},\\s{0,64}"([^"\\r\\n]{6,128})"',
    keywords: ['networkcredential', 'directoryentry'],
    score: 0.8,
  },
  {
    id: 'quoted-password',
    title: 'Quoted password',
    pattern:
      '(?i:pass(?:word|wd|phrase)?|pwd)["\'\\]]{0,2}[ \\t]{0,3}(?:===?|!=|:=|=>|=|:|(?i:is))[ \\t]{0,3}(?:"(?=[^"\\r\\n]{0,63}[0-9$!@#%&*?^])([^"\\s<>{}]{6,64})"|\'(?=[^\'\\r\\n]{0,63}[0-9$!@#%&*?^])([^\'\\s<>{}]{6,64})\')',
    keywords: ['pass', 'pwd'],
    entropy: 2.4,
    score: 0.65,
  },
  {
    id: 'spoken-key',
    title: 'Random value after a word for a key',
    pattern:
      '(?i:secret|token|key|private|access)[ \\t\\n]{1,3}(?:(?i:is|key|token|secret)[ \\t:]{1,3})?["\']?(?=[A-Za-z_-]{0,40}\\d)(?=[\\d_-]{0,40}[A-Za-z])([A-Za-z0-9_-]{20,128})(?![\\w./-])',
    keywords: ['secret', 'token', 'key', 'private', 'access'],
    entropy: 3.3,
    score: 0.6,
  },
];
