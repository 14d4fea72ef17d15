import { parseMarkdown, type Block, type Span } from './markdown.ts';
import styles from './prose.module.css';

/** A README inside a page: its headings sit below the page's own. */
export function Prose({ source, withTitle = false }: { source: string; withTitle?: boolean }) {
  const blocks = parseMarkdown(source).filter(
    (block) => withTitle || block.kind !== 'heading' || block.level > 1,
  );
  return (
    <div className={styles.prose}>
      {blocks.map((block, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- a text is drawn anew, never reordered
        <BlockView key={index} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  switch (block.kind) {
    case 'heading':
      return (
        <h3>
          <Spans spans={block.spans} />
        </h3>
      );
    case 'paragraph':
      return (
        <p>
          <Spans spans={block.spans} />
        </p>
      );
    case 'list':
      return (
        <ul>
          {block.items.map((item, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- see above
            <li key={index}>
              <Spans spans={item} />
            </li>
          ))}
        </ul>
      );
    case 'code':
      return <pre>{block.text}</pre>;
    default:
      return (
        <table>
          <thead>
            <tr>
              {block.head.map((cell, index) => (
                // oxlint-disable-next-line react/no-array-index-key -- see above
                <th key={index} scope="col">
                  <Spans spans={cell} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- see above
              <tr key={index}>
                {row.map((cell, place) => (
                  // oxlint-disable-next-line react/no-array-index-key -- see above
                  <td key={place}>
                    <Spans spans={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
  }
}

function Spans({ spans }: { spans: readonly Span[] }) {
  return spans.map((span, index) => {
    const key = `${index} ${span.text}`;
    switch (span.kind) {
      case 'text':
        return <span key={key}>{span.text}</span>;
      case 'code':
        return <code key={key}>{span.text}</code>;
      case 'strong':
        return <strong key={key}>{span.text}</strong>;
      case 'emphasis':
        return <em key={key}>{span.text}</em>;
      default:
        return (
          <a key={key} href={span.href} target="_blank" rel="noreferrer">
            {span.text}
          </a>
        );
    }
  });
}
