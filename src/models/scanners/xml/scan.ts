import { defineScanner } from '../contract.ts';
import { isText, textOf } from '../text-content.ts';

const entitiesMost = 20;

export const scanner = defineScanner({
  id: 'xml',
  title: 'XML (PMML)',

  recognise(source) {
    const head = source.read(0, 512).toString('utf8');
    return /^\ufeff?\s*<(?:\?xml|!DOCTYPE\s+\w|PMML\b)/i.test(head) && isText(source) ? 'likely' : undefined;
  },

  scan(source, context) {
    const text = textOf(source);
    if (text === undefined) {
      context.report({
        rule: 'xml-unread',
        weight: 'suspicious',
        offset: 0,
        evidence: `${source.size} bytes`,
        why: 'too large to be read whole',
      });
      return;
    }
    for (const found of text.matchAll(
      /<!(?:ENTITY\s+(?:%\s+)?[^\s>]+|DOCTYPE\s+[^\s>[]+)\s+(?:SYSTEM|PUBLIC)\s+[^>[]*/g,
    ))
      context.report({
        rule: 'xml-external-entity',
        weight: /^<!DOCTYPE\s+html/i.test(found[0]) ? 'note' : 'malicious',
        offset: found.index,
        evidence: found[0],
        why: 'the parser reads a file or URL that the document names',
      });
    const entities: RegExpExecArray[] = [];
    let nested = 0;
    for (const found of text.matchAll(/<!ENTITY\s+([^\s%>]+)\s+["']([^"']*)["']/g)) {
      entities.push(found);
      if ((found[2]!.match(/&\w+;/g)?.length ?? 0) > 1) nested += 1;
      if (entities.length > entitiesMost) break;
    }
    if (nested > 1 || entities.length > entitiesMost)
      context.report({
        rule: 'xml-entity-expansion',
        weight: 'suspicious',
        offset: entities[0]?.index ?? 0,
        evidence: `${entities.length} entities`,
        why: 'entities of entities multiply into a document that exhausts memory',
      });
    for (const found of text.matchAll(
      /<(?:xsl:|\w+:)?(?:script|include|import)\b[^>]*|<\?(?!xml\b|xml-)[\w-]+[^>]*/gi,
    ))
      context.report({
        rule: 'xml-active-content',
        weight: 'suspicious',
        offset: found.index,
        evidence: found[0],
        why: 'a model document has no reason to include or run anything',
      });
  },
});
