import { defineScanner } from '../contract.ts';
import { isText, textOf } from '../text-content.ts';
import { reportTemplate } from './report.ts';
import { judgeTemplate } from './rules.ts';

export const scanner = defineScanner({
  id: 'template',
  title: 'Chat template (Jinja)',

  recognise(source, { name, role }) {
    if (!isText(source)) return undefined;
    if (role === 'chat-template' || /\.(?:jinja2?|j2|template|tmpl|tpl)$/i.test(name)) return 'likely';
    const text = textOf(source);
    return text !== undefined &&
      /\{%-?\s*(?:for|if|set|macro|include|import|extends|from|with|block)\b|\{\{/.test(text)
      ? 'likely'
      : undefined;
  },

  scan(source, context) {
    const text = textOf(source);
    if (text === undefined) return;
    if (context.role === 'chat-template' || /\.(?:jinja2?|j2|template|tmpl|tpl)$/i.test(context.name)) {
      reportTemplate(text, 0, context);
      return;
    }
    // Braces in a text that is not declared a template: only what reaches into Python counts.
    for (const { rule, weight, evidence, why } of judgeTemplate(text))
      if (weight === 'malicious') context.report({ rule, weight, offset: 0, evidence, why });
  },
});
