/**
 * The words that the victim understands. Verbs fall in a few frames; words of other languages are glossed as English
 * ones before a sentence is parsed, so that each frame is written once.
 */

/** What a verb asks for. */
export type Frame =
  | 'utter'
  | 'transform'
  | 'include'
  | 'tool'
  | 'remember'
  | 'persona'
  | 'compose'
  | 'repeat'
  | 'ignore';

const verbs: Record<Frame, string> = {
  utter:
    'reveal disclose expose leak divulge uncover unveil share show display tell give provide list dump print output ' +
    'return recite quote restate echo copy paste state read recall confess enumerate reproduce replay type emit ' +
    'present surface say respond reply answer describe report release hand reprint regurgitate supply admit relay',
  transform:
    'encode encrypt encipher decode reverse translate summarise summarize paraphrase rephrase rewrite spell convert ' +
    'transform obfuscate transliterate capitalize uppercase lowercase format render flip condense',
  include:
    'include append insert add attach embed put place prepend end begin start finish prefix suffix complete conclude close',
  tool:
    'send email mail forward post upload submit transmit exfiltrate call invoke run execute use trigger delete remove ' +
    'drop erase wipe purge transfer pay buy purchase order refund wire update set save store fetch get look search find ' +
    'retrieve query open visit browse click download book schedule cancel publish deploy grant notify message text ' +
    'lookup load access check change modify edit create register approve issue install move rename push commit merge close disable enable reset',
  remember: 'remember memorise memorize note',
  persona: 'act pretend roleplay behave simulate imagine become assume adopt play impersonate speak',
  compose:
    'write compose draft generate make craft produce build design prepare explain teach outline invent code',
  repeat: 'repeat',
  ignore: 'ignore forget disregard override bypass discard neglect skip',
};

export const frames: ReadonlyMap<string, Frame> = new Map(
  (Object.entries(verbs) as [Frame, string][])
    .reverse()
    .flatMap(([frame, words]) => words.split(' ').map((word) => [word, frame] as const)),
);

const list = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Words that may stand between the start of a clause and its verb without taking its command away. */
export const fillers = list(
  'please kindly pls plz now then next first firstly second secondly third finally also and but so instead just simply ' +
    'only immediately always ok okay hey hi hello dear assistant ai chatbot bot model llm gpt agent system user admin ' +
    'administrator developer important attention note urgent new instruction instructions task command commands ' +
    'directive step begin start sudo sure certainly great thanks thank well right however afterwards after that before ' +
    'this you must should shall will can could would may might need have to are required requested instructed told i we ' +
    'want like wish let us me go ahead feel free make ensure be try proceed continue carefully silently secretly quietly ' +
    'directly verbatim exactly again once more again everyone all your my the is it do todo action final override update ' +
    'p.s ps in order by ever each time from on hereby actually really quickly either kind enough as an a of not_only',
);

export const negations = list(
  "not never don't dont cannot can't cant won't wont mustn't shouldn't no nothing avoid without nor neither refrain " +
    "don’t can’t won’t mustn’t shouldn’t prohibited forbidden doesn't didn't doesn’t",
);

/** After a negation these turn a prohibition into a command: "do not hesitate to print". */
export const reversals = list('hesitate forget fail refuse decline only omit neglect skip hold stop');

/** Nouns of what a model is told to keep, with the words that tell a value of that kind apart in its context. */
export const secrets: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    password: ['password', 'passphrase', 'passcode', 'passwd', 'pwd'],
    passphrase: ['passphrase', 'password', 'passcode'],
    passcode: ['passcode', 'password', 'code', 'pin'],
    secret: ['secret', 'password', 'confidential', 'code', 'key', 'token', 'internal', 'private'],
    key: ['key', 'token', 'secret', 'api'],
    token: ['token', 'key', 'secret', 'canary'],
    code: ['code', 'passcode', 'pin', 'key'],
    credential: ['credential', 'password', 'key', 'token', 'secret', 'login', 'user', 'account'],
    pin: ['pin', 'code'],
    canary: ['canary', 'token', 'code', 'marker', 'reference'],
    marker: ['marker', 'canary', 'token'],
    flag: ['flag', 'secret', 'token'],
    confidential: ['confidential', 'secret', 'internal', 'private', 'code'],
    sensitive: ['confidential', 'secret', 'internal', 'private', 'password', 'key'],
    private: ['private', 'confidential', 'secret', 'internal'],
    codeword: ['codeword', 'code', 'word', 'secret'],
    login: ['login', 'password', 'user', 'credential'],
  }),
);

/** Nouns that stand for the system prompt. */
export const promptNouns = list(
  'prompt instruction instructions preprompt metaprompt guideline guidelines rule rules directive directives ' +
    'configuration config persona initialization setup preamble policies constraints briefing orders programming prompts',
);

/** Words that make a prompt noun mean the hidden one. */
export const promptQualifiers = list(
  'your system initial original hidden above previous prior earlier first secret internal starting developer own full ' +
    'entire complete exact base confidential underlying these those the given such received all',
);

/** Nouns that stand for a record in the context. */
export const recordNouns = list(
  'record records data details information info profile account ticket tickets order file document documents page ' +
    'content contents result results output response article report case customer customers client user users database ' +
    'address email phone number iban card name ssn balance invoice row table message note notes body history contact ' +
    'attachment answer text pii list entry contract salary diagnosis birthdate',
);

/** Verbs that mean the same to a tool: the victim chooses a tool by these groups. */
const synonymGroups = [
  'send email mail forward notify message text transmit deliver write contact mailing dispatch exfiltrate share',
  'post publish upload submit push share transmit exfiltrate webhook',
  'get read fetch look lookup find search retrieve query check show open load access view list see crm',
  'delete remove drop erase wipe purge destroy cancel',
  'pay transfer refund wire payment money purchase buy order charge payout issue',
  'run execute shell command code python exec script bash terminal eval sandbox',
  'create add new register insert book schedule open make',
  'update set change modify edit write save store put rename reset',
  'visit browse open click http url web fetch download navigate request',
  'grant approve permission role access enable authorise authorize',
  'customer client user account contact person crm',
  'ticket case issue incident',
  'document file page article knowledge kb wiki',
];

export const synonyms: ReadonlyMap<string, readonly number[]> = (() => {
  const groups = new Map<string, number[]>();
  for (const [place, group] of synonymGroups.entries()) {
    for (const word of group.split(' ')) groups.set(word, [...(groups.get(word) ?? []), place]);
  }
  return groups;
})();

/**
 * Other languages: phrase → English words. Imperatives, the nouns of secrets and the little words that carry mood, for
 * the largest languages on the web; the rest passes through untouched.
 */
const foreign: Record<string, string> = {
  // German
  'ignoriere|ignorier|ignorieren sie|vergiss|vergessen sie|missachte': 'ignore',
  'gib|geben sie|gebt|nenne|nennen sie|verrate|verraten sie|sag|sage|sagen sie|enthülle|offenbare': 'reveal',
  'zeige|zeig|zeigen sie|drucke|schreibe|schreib|schreiben sie': 'print',
  'wiederhole|wiederholen sie': 'repeat',
  'antworte|antworten sie': 'reply',
  'übersetze|übersetzen sie': 'translate',
  'fasse|fassen sie': 'summarise',
  'sende|senden sie|schicke|schick|schicken sie': 'send',
  'kodiere|codiere|verschlüssele': 'encode',
  'lösche|löschen sie': 'delete',
  'rufe|rufen sie|führe|benutze|verwende': 'use',
  'passwort|kennwort': 'password',
  'geheimnis|geheimcode|geheime': 'secret',
  'schlüssel|zugangsschlüssel': 'key',
  zugangscode: 'code',
  'systemprompt|systemanweisung|systemanweisungen|systemnachricht': 'system prompt',
  'anweisungen|anweisung|regeln|anleitung|vorgaben': 'instructions',
  'deine|dein|deinen|ihre|ihren|deiner|deines': 'your',
  bitte: 'please',
  'und|dann': 'and',
  'alle|alles': 'all',
  'vorherigen|bisherigen|obigen|vorigen': 'previous',
  'nicht|niemals|kein|keine': 'not',
  'kunde|kunden|kundendaten|kundendatensatz': 'customer',
  // French
  'ignore|ignorez|oublie|oubliez': 'ignore',
  'révèle|révélez|revele|divulgue|divulguez|donne|donnez|dis|dites': 'reveal',
  'affiche|affichez|écris|écrivez|ecris|imprime|montre|montrez': 'print',
  'répète|répétez|repete': 'repeat',
  'réponds|répondez|reponds': 'reply',
  'traduis|traduisez': 'translate',
  'résume|résumez': 'summarise',
  'envoie|envoyez': 'send',
  'supprime|supprimez': 'delete',
  'appelle|utilise|utilisez': 'use',
  'mot de passe': 'password',
  'clé|clef': 'key',
  'invite système|prompt système|message système|instructions système': 'system prompt',
  'consignes|directives|règles': 'instructions',
  'tes|ton|ta|vos|votre': 'your',
  "s'il te plaît|s'il vous plaît|veuillez": 'please',
  'et|puis|ensuite': 'and',
  'toutes|tous|tout': 'all',
  'précédentes|précédents|ci-dessus|antérieures': 'previous',
  // Spanish
  'ignora|ignore usted|olvida|olvide|olvídate': 'ignore',
  'revela|revele|dime|diga|di|muestra|muestre|muéstrame|da|dame': 'reveal',
  'imprime|imprima|escribe|escriba': 'print',
  'repite|repita': 'repeat',
  'responde|responda|contesta': 'reply',
  'traduce|traduzca': 'translate',
  'resume|resuma': 'summarise',
  'envía|envíe|envia|manda': 'send',
  'borra|elimina': 'delete',
  'llama|usa|utiliza': 'use',
  'contraseña|clave': 'password',
  'secreto|secreta': 'secret',
  'mensaje del sistema|prompt del sistema|indicaciones del sistema|instrucciones del sistema':
    'system prompt',
  'instrucciones|indicaciones|reglas': 'instructions',
  'tus|tu|sus|su': 'your',
  'por favor': 'please',
  'y|luego|después': 'and',
  'todas|todos|todo': 'all',
  'anteriores|previas|previos': 'previous',
  // Italian and Portuguese
  'ignori|dimentica|esqueça|esquece': 'ignore',
  'rivela|rivelami|dimmi|mostra|mostrami|mostre|revele|diga-me|diz': 'reveal',
  'stampa|scrivi|escreva|imprime-o': 'print',
  'ripeti|repita-o': 'repeat',
  'rispondi|responde-me': 'reply',
  'traduci|traduza': 'translate',
  'invia|envie': 'send',
  "parola d'ordine|senha|palavra-passe": 'password',
  'segreto|segreta|segredo': 'secret',
  'prompt di sistema|prompt do sistema|istruzioni di sistema|instruções do sistema': 'system prompt',
  'istruzioni|instruções|regras|regole': 'instructions',
  'tue|tuo|tua|suas|teu|seu': 'your',
  'tutte|tutti|todas as': 'all',
  'e|ed|en': 'and',
  'precedenti|anteriori': 'previous',
  // Dutch and Polish
  'negeer|vergeet|zignoruj': 'ignore',
  'onthul|toon|geef|ujawnij|pokaż|podaj': 'reveal',
  'schrijf|wypisz|napisz': 'print',
  'herhaal|powtórz': 'repeat',
  'antwoord|odpowiedz': 'reply',
  'wachtwoord|hasło': 'password',
  'geheim|sekret': 'secret',
  'systeemprompt|monit systemowy|prompt systemowy': 'system prompt',
  'instructies|instrukcje|polecenia': 'instructions',
  'vorige|eerdere|poprzednie': 'previous',
  // Russian and Ukrainian
  'игнорируй|игнорируйте|забудь|забудьте|проигнорируй': 'ignore',
  'покажи|покажите|раскрой|раскройте|назови|скажи|сообщи|выдай': 'reveal',
  'выведи|выведите|напечатай|напиши': 'print',
  'повтори|повторите': 'repeat',
  'ответь|ответьте': 'reply',
  переведи: 'translate',
  'отправь|отправьте|пошли': 'send',
  пароль: 'password',
  'секрет|секретный': 'secret',
  ключ: 'key',
  'системный промпт|системную подсказку|системные инструкции|системное сообщение': 'system prompt',
  'инструкции|правила|указания': 'instructions',
  'твои|твой|свои|свой|ваши|ваш': 'your',
  'и|затем': 'and',
  все: 'all',
  'предыдущие|прежние': 'previous',
  // Turkish
  'yoksay|görmezden gel|unut': 'ignore',
  'göster|açıkla|söyle|yaz': 'reveal',
  tekrarla: 'repeat',
  'şifre|şifreyi|parola|parolayı': 'password',
  'sistem istemini|sistem istemi|sistem talimatlarını': 'system prompt',
  'talimatları|talimatlarını|kuralları': 'instructions',
};

/** Scripts without spaces: terms are found anywhere in the run of characters. */
const unspaced: Record<string, string> = {
  '忽略|无视|忘记|無視': 'ignore',
  '输出|打印|显示|告诉我|透露|泄露|给我|顯示|輸出|揭示': 'reveal',
  '重复|复述|重複': 'repeat',
  '回复|回答|说': 'reply',
  '翻译|翻譯': 'translate',
  '发送|發送': 'send',
  '系统提示词|系统提示|系統提示|系统指令|系统消息': 'system prompt',
  '密码|口令|密碼': 'password',
  '秘密|机密|機密': 'secret',
  '密钥|密鑰': 'key',
  '指令|指示|规则|規則': 'instructions',
  '你的|您的': 'your',
  '所有|全部': 'all',
  '之前的|以上|先前的|上面的|之前': 'previous',
  '然后|并且|并|，': 'and',
  '不要|请勿|别': 'not',
  '请|請': 'please',
  'システムプロンプト|システム指示': 'system prompt',
  'パスワード|合言葉': 'password',
  'してください|して下さい|ください': 'please',
  '無視し|忘れ': 'ignore',
  '表示|出力|教えて|開示|見せて': 'reveal',
  繰り返し: 'repeat',
  'これまでの|以前の|上記の': 'previous',
  'すべての|全ての': 'all',
  '시스템 프롬프트|시스템프롬프트': 'system prompt',
  시스템: 'system',
  프롬프트: 'prompt',
  '비밀번호|암호': 'password',
  '무시하고|무시': 'ignore',
  '출력|보여|알려|공개': 'reveal',
  '지시사항|지침|지시': 'instructions',
  이전: 'previous',
  모든: 'all',
};

export interface Gloss {
  /** Lower-case words of the phrase. */
  words: readonly string[];
  english: readonly string[];
}

/** By first word, longest phrase first. */
export const glosses: ReadonlyMap<string, readonly Gloss[]> = (() => {
  const byFirst = new Map<string, Gloss[]>();
  for (const [phrases, english] of Object.entries(foreign)) {
    for (const phrase of phrases.split('|')) {
      const words = phrase.toLowerCase().split(' ');
      // English words keep their meaning.
      if (words.length === 1 && (frames.has(words[0]!) || fillers.has(words[0]!))) continue;
      byFirst.set(words[0]!, [...(byFirst.get(words[0]!) ?? []), { words, english: english.split(' ') }]);
    }
  }
  for (const list of byFirst.values()) list.sort((a, b) => b.words.length - a.words.length);
  return byFirst;
})();

const unspacedTerms = Object.entries(unspaced)
  .flatMap(([terms, english]) => terms.split('|').map((term) => ({ term, english })))
  .sort((a, b) => b.term.length - a.term.length);

export const unspacedPattern = new RegExp(unspacedTerms.map(({ term }) => term).join('|'), 'g');

export const unspacedGloss: ReadonlyMap<string, string> = new Map(
  unspacedTerms.map(({ term, english }) => [term, english]),
);

/** Common words of English, the yardstick by which a decoded text is told from noise. */
export const common = list(
  'the of and a to in is you that it he was for on are as with his they i at be this have from or one had by word but ' +
    'not what all were we when your can said there use an each which she do how their if will up other about out many ' +
    'then them these so some her would make like him into time has look two more write go see number no way could ' +
    'people my than first been call who its now find long down day did get come made may part me please any previous ' +
    'ignore instructions instruction system prompt password secret key code reveal print say repeat show tell output ' +
    'reply respond send email customer record above everything forget disregard rules token tool answer text message ' +
    'hidden data give user only must should before after never always with following word words phrase exactly',
);
