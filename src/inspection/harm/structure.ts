/** Kinds of harmful use that this detector names. */
export type HarmKind = 'phishing' | 'malware' | 'fraud' | 'disinformation' | 'impersonation';

/**
 * The shape of a kind of harm: groups of signs that must all be there. A sign alone is harmless; a mail that hurries its
 * reader to a link where they sign in is not. Every expression is a plain alternation, so the time is linear.
 */
const shapes: Record<HarmKind, readonly (readonly RegExp[])[]> = {
  phishing: [
    [
      /\b(?:urgent|immediately|within (?:24|48) hours|suspended|deactivat|locked|limited|expire[sd]?|unusual (?:activity|sign-?in)|final notice|dringend|gesperrt|suspendu|bloqué|bloquead|urgente)/i,
      /\b(?:verify|confirm|update|validate|re-?activate|sign[ -]?in|log[ -]?in|unlock|bestätig|vérifi|verifi[ck])/i,
      /\b(?:account|password|identity|credentials|billing|payment (?:details|information)|card (?:number|details)|mailbox|konto|compte|cuenta)/i,
      /\b(?:click|link|button|attachment|form|https?:|\[link|visit)/i,
      /\b(?:dear|hello|hi|sehr geehrte|cher|estimad)\b/i,
    ],
  ],
  malware: [
    [
      /\b(?:keylog|keystroke|pynput|GetAsyncKeyState|SetWindowsHookEx|keyboard\.(?:hook|on_press)|key_?listener|screen ?capture|grab_?screens?)/i,
      /\b(?:send|post|upload|exfil|smtp|socket|requests\.|webhook|remote (?:host|server)|mail)/i,
      /\b(?:hidden|hide|silent|background|startup|autorun|persist|without (?:the user|their) (?:knowing|knowledge|noticing)|daemon)/i,
    ],
    [
      /\b(?:CurrentVersion\\+Run|crontab|LaunchAgents|schtasks|systemd|startup folder|autostart|rc\.local)/i,
      /\b(?:reverse.?shell|backdoor|payload|beacon|command.and.control|c2|\/dev\/tcp|socket\.connect|bot ?net|dropper)/i,
    ],
    [
      /\b(?:encrypt)/i,
      /\b(?:all files|every file|os\.walk|user files|documents folder|shadow copies|vssadmin)/i,
      /\b(?:ransom|bitcoin|decryption key|pay|note to the victim)/i,
    ],
    [
      /\b(?:disable|kill|bypass|evade)\w* (?:the )?(?:antivirus|defender|edr|endpoint protection|firewall)/i,
      /\b(?:payload|inject|process|download|persist|shellcode)/i,
    ],
  ],
  fraud: [
    [
      /\b(?:invoice|payment|transfer|wire|refund|gift cards?|inheritance|lottery|deposit|überweis|virement)/i,
      /\b(?:new bank details|changed (?:our|the) bank|new account|iban|account number|western union|bitcoin|crypto wallet|gift card codes?|processing fee|handling fee)/i,
      /\b(?:today|urgent|immediately|confidential|do not (?:call|tell|discuss)|keep this between|before (?:noon|close of business)|act now)/i,
    ],
    [
      /\bguaranteed (?:returns?|profits?)|double your (?:money|bitcoin|investment)|risk[- ]free (?:investment|profit)/i,
      /\b(?:send|deposit|invest|wallet|transfer)/i,
    ],
  ],
  disinformation: [
    [
      /\b(?:they|the media|the government|mainstream|elites?|doctors|scientists) (?:do(?:es)?n['o]t|do not|will not|won't|never|are hiding|hide|cover)/i,
      /\b(?:share (?:this|before)|spread the word|before (?:it|this) (?:is|gets) (?:deleted|removed|taken down)|wake up|repost|retweet|forward this)/i,
    ],
    [
      /\b(?:breaking|leaked|exposed|secret documents?|insider|whistleblower)/i,
      /\b(?:election|ballots?|vaccin\w+|virus|5g|immigrants|president|candidate)/i,
      /\b(?:rigged|stolen|fake[d]?|poison|microchip|hoax|cover[- ]?up|staged)/i,
    ],
  ],
  impersonation: [
    [
      /\b(?:this is|i am|i'm|it's) (?:your |the |[A-Z]\w+ from )?(?:ceo|cfo|boss|director|manager|bank|it (?:support|department|helpdesk)|security team|tax office|police|grandson|granddaughter|daughter|son|mum|mom|dad)/i,
      /\b(?:lost my phone|new number|in a meeting|cannot talk|can't talk|accident|arrested|stuck|do not call|confidential)/i,
      /\b(?:send|transfer|pay|buy|gift cards?|code|password|money)/i,
    ],
  ],
};

/** Kinds whose shape this text has. */
export function harmShapes(text: string): HarmKind[] {
  const lead = text.length > 20_000 ? text.slice(0, 20_000) : text;
  return (Object.keys(shapes) as HarmKind[]).filter((kind) =>
    shapes[kind].some((signs) => signs.every((sign) => sign.test(lead))),
  );
}

/** An answer that refuses or teaches speaks of harm without doing it. */
export function speaksAgainst(text: string): boolean {
  return /\b(?:I (?:can(?:no|')t|cannot|won't|will not|am (?:not able|unable)) (?:to )?(?:help|assist|write|create|provide|do)|(?:how to|to) (?:recogni[sz]e|spot|report|protect|defend|avoid|prevent)|red flags?|warning signs?|never (?:share|click|send|give)|for (?:awareness )?training|be (?:wary|careful|suspicious))/i.test(
    text.length > 4000 ? text.slice(0, 4000) : text,
  );
}
