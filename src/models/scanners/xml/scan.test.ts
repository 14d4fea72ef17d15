import { expect, test } from 'vitest';
import { scanBytes } from '../testing.ts';

const verdictOf = (text: string): string => scanBytes(Buffer.from(text), 'model.pmml').verdict;

test('lets PMML pass', () => {
  expect(
    scanBytes(Buffer.from('<?xml version="1.0"?><PMML version="4.4"><Header/></PMML>'), 'm.pmml'),
  ).toMatchObject({ verdict: 'clean', format: 'xml' });
});

test('refuses external entities and entities that multiply', () => {
  expect(
    verdictOf('<?xml version="1.0"?><!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><PMML/>'),
  ).toBe('malicious');
  expect(verdictOf('<!DOCTYPE p SYSTEM "http://x.test/y.dtd"><PMML/>')).toBe('malicious');
  expect(
    verdictOf(
      '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "xx"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]><PMML/>',
    ),
  ).toBe('suspicious');
});
