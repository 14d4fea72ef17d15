import { defineScanner, Malformed } from '../contract.ts';
import { parseJson } from '../json-strict.ts';
import { scanArchive } from '../zip/entries.ts';
import { isKerasArchive } from '../zip/kinds.ts';
import { judgeKeras } from './rules.ts';

const configMost = 16 * 1024 * 1024;

export const scanner = defineScanner({
  id: 'keras',
  title: 'Keras model (version 3 archive)',

  recognise: (source) => (isKerasArchive(source) ? 'magic' : undefined),

  scan(source, context) {
    scanArchive(
      source,
      context,
      () => 'file',
      (entry, content) => {
        if (entry.name !== 'config.json') return;
        if (content.size > configMost) throw new Malformed(entry.local, 'config.json is too large');
        const text = content.read(0, content.size).toString('utf8');
        let document;
        try {
          document = parseJson(text, { python: true, onDuplicate: () => undefined });
        } catch (error) {
          if (error instanceof Malformed) throw new Malformed(entry.local, `config.json: ${error.message}`);
          throw error;
        }
        for (const { rule, weight, evidence, why } of judgeKeras(document))
          context.report({ rule, weight, offset: entry.local, evidence, why });
      },
    );
  },
});
