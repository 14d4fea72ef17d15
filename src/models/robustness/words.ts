/** Words of instructions and requests with others that say the same, for substitution. Lower case; inflected forms stand for themselves. */
const groups = `
ignore disregard overlook neglect|ignoring disregarding overlooking|ignored disregarded overlooked
instructions directions orders guidance directives|instruction direction order directive
previous prior earlier preceding former|above preceding foregoing
rules regulations guidelines policies|rule regulation guideline policy
forget unlearn discard|reveal disclose expose uncover|show display present|tell inform let-know
print output emit display|write compose draft produce|repeat restate echo reproduce
system platform core|prompt preamble brief|secret hidden confidential private
password passphrase passcode credential|key token credential|access entry admission
pretend imagine suppose make-believe|act behave perform|role part persona
must have-to need-to|should ought-to|always constantly invariably|never at-no-time
restrictions constraints limitations limits|restriction constraint limitation
filter screen sieve|filters screens|safety protection|unrestricted unlimited unbounded
answer reply respond|answers replies responses|question query|message note text
all every each|everything anything|any whichever|now presently henceforth|from starting-with
user person human|assistant helper aide|model engine network|developer programmer engineer
mode setting state|enable activate switch-on|disable deactivate switch-off
send transmit forward mail|delete erase remove|execute run perform|follow obey heed
new fresh novel|following next subsequent|only solely merely|important crucial vital
stop cease halt|start begin commence|continue proceed carry-on|change alter modify
content material|information data details|bypass circumvent evade sidestep|override overrule supersede
do perform carry-out|give provide supply|say state utter|use employ apply|create make build
help assist aid|explain describe clarify|how in-what-way|without lacking minus|please kindly
harmful dangerous damaging|illegal unlawful illicit|ethical moral|original initial first
`;

const table = build();

function build(): ReadonlyMap<string, readonly string[]> {
  const others = new Map<string, string[]>();
  for (const group of groups.trim().split(/[|\n]/)) {
    const words = group.trim().split(' ');
    for (const word of words) {
      const known = others.get(word) ?? [];
      known.push(...words.filter((one) => one !== word).map((one) => one.replaceAll('-', ' ')));
      others.set(word.replaceAll('-', ' '), known);
    }
  }
  return others;
}

/** Words that may stand for this one, in its own case; none for most words. */
export function synonyms(word: string): string[] {
  const found = table.get(word.toLowerCase()) ?? [];
  if (word.length > 1 && word === word.toUpperCase()) return found.map((one) => one.toUpperCase());
  if (/^\p{Lu}/u.test(word)) return found.map((one) => one[0]!.toUpperCase() + one.slice(1));
  return [...found];
}
