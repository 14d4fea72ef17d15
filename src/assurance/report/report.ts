import type { ReportFormat, ReportInput } from './input.ts';
import { toHtml } from './html.ts';
import { toMarkdown } from './markdown.ts';
import { toSarif } from './sarif.ts';

/** The report as text. The same input gives the same text. */
export function report(input: ReportInput, format: ReportFormat): string {
  switch (format) {
    case 'html':
      return toHtml(input);
    case 'md':
      return toMarkdown(input);
    case 'json':
      return `${JSON.stringify({ schema: 'merlon-report/v1', ...input }, null, 2)}\n`;
    case 'sarif':
      break;
  }
  return `${JSON.stringify(toSarif(input), null, 2)}\n`;
}
