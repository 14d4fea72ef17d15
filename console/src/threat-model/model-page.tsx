import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { actions, queries } from '../api/client.ts';
import type { ModelAnswer, Observed, Threat } from '../api/types.ts';
import { ActionMark, Hash, Id, LevelMark, StatusMark } from '../ui/marks.tsx';
import { Button, Empty, Facts, Loading, Page, pageStyles, Panel, ProblemNote } from '../ui/page.tsx';
import { Segments } from '../ui/field.tsx';
import { SidePanel } from '../ui/side-panel.tsx';
import { useNow } from '../ui/use-now.ts';
import { ago, plural, spaced } from '../ui/words.ts';
import { Diagram, FlowList } from './diagram.tsx';
import { factText, type FactValue } from './facts.ts';
import styles from './model-page.module.css';
import { threatsAt, worstResidual } from './risk.ts';

/** Question 1: what are we working on? */
export function ModelPage() {
  const { view = 'diagram', select } = useSearch({ from: '/model' });
  const navigate = useNavigate({ from: '/model' });
  const model = useQuery(queries.model());
  const threats = useQuery(queries.threats());
  const onSelect = useCallback(
    (id?: string) => void navigate({ search: (before) => ({ ...before, select: id }), replace: true }),
    [navigate],
  );

  const answer = model.data;
  const found = threats.data?.threats ?? none;
  return (
    <Page
      numeral="1"
      title="What are we working on?"
      lead={
        answer ? (
          <>
            {plural(answer.model.elements.length, 'element')} in {plural(answer.model.zones.length, 'zone')},{' '}
            {plural(answer.model.flows.length, 'flow')}, from <code>{answer.file}</code>{' '}
            <Hash value={answer.hash} label="model hash" />
            {answer.observed.length > 0 ? (
              <>
                {' '}
                <a href="#observed" className={styles.hint}>
                  {answer.observed.length} observed, not modelled
                </a>
              </>
            ) : null}
          </>
        ) : null
      }
      actions={
        <Segments
          label="View"
          value={view}
          onChange={(next) => void navigate({ search: (before) => ({ ...before, view: next }) })}
          options={[
            { value: 'diagram', label: 'Diagram' },
            { value: 'list', label: 'List' },
            { value: 'file', label: 'File' },
          ]}
        />
      }
    >
      {model.error ? <ProblemNote problem={model.error} retry={() => void model.refetch()} /> : null}
      {model.isPending ? <Loading what="the threat model" /> : null}
      {answer ? (
        <>
          {view === 'diagram' ? (
            <Panel flush>
              <div className={styles.canvas}>
                <Diagram model={answer.model} threats={found} selected={select} onSelect={onSelect} natural />
              </div>
              <FlowList model={answer.model} threats={found} selected={select} onSelect={onSelect} />
            </Panel>
          ) : null}
          {view === 'list' ? <Lists answer={answer} threats={found} onSelect={onSelect} /> : null}
          {view === 'file' ? <FileView text={answer.text} /> : null}
          <ObservedPanel observed={answer.observed} />
          <Details id={select} answer={answer} threats={found} onClose={() => onSelect()} />
        </>
      ) : null}
    </Page>
  );
}

const none: Threat[] = [];

function ObservedPanel({ observed }: { observed: Observed[] }) {
  const now = useNow();
  return (
    <Panel
      id="observed"
      title="Observed, not modelled"
      note="What the gateway saw at run time that the file does not declare. Add it, and its threats appear in question 2."
      flush
    >
      {observed.length === 0 ? (
        <Empty title="Everything seen is in the model">
          Requests that use an undeclared flow, model or tool will be listed here, with the lines that would
          declare them.
        </Empty>
      ) : (
        observed.map((one) => (
          <ObservedRow key={`${one.kind} ${one.client} ${one.name}`} one={one} now={now} />
        ))
      )}
    </Panel>
  );
}

/** How the lines of a patch are marked: added, taken out, or where they stand. */
const changes: Record<string, string> = { '+': 'added', '-': 'removed', '@': 'place' };

function ObservedRow({ one, now }: { one: Observed; now: number }) {
  const cache = useQueryClient();
  const declare = useMutation({
    mutationFn: () => actions.declareObserved(one),
    onSuccess: () => cache.invalidateQueries(),
  });
  const cannot = `It cannot be added as it is: ${one.reason ?? 'the file would not be valid'}.`;
  return (
    <article className={styles.observedRow} aria-label={`Observed ${one.kind} ${one.name}`}>
      <div>
        <h3>
          {one.client} used the undeclared {one.kind} <Id>{one.name}</Id>
        </h3>
        <div className={styles.observedFacts}>
          <ActionMark action={one.action} past />
          <span className="muted">
            {plural(one.count, 'time')}, last {ago(one.lastSeen, now)}, first {ago(one.firstSeen, now)}
          </span>
        </div>
      </div>
      <div>
        <Button
          kind="primary"
          onClick={() => declare.mutate()}
          reason={
            declare.isPending
              ? 'It is being written into the file.'
              : one.patch === undefined
                ? cannot
                : undefined
          }
        >
          Add to the model
        </Button>
      </div>
      {one.patch === undefined ? (
        <p className="muted">{cannot}</p>
      ) : (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scrolling region must be reachable
        <pre className={styles.patch} tabIndex={0} aria-label={`Proposed lines for ${one.name}`}>
          {one.patch
            .trimEnd()
            .split('\n')
            .map((line, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- lines of a text have no other identity
              <span key={index} data-change={changes[line.charAt(0)]}>
                {line || ' '}
              </span>
            ))}
        </pre>
      )}
      {declare.error ? <ProblemNote problem={declare.error} /> : null}
    </article>
  );
}

function Lists({
  answer: { model },
  threats,
  onSelect,
}: {
  answer: ModelAnswer;
  threats: readonly Threat[];
  onSelect: (id: string) => void;
}) {
  return (
    <>
      <Panel title="Elements" flush>
        <div className={pageStyles.scroll}>
          <table className={pageStyles.table}>
            <thead>
              <tr>
                <th scope="col">Element</th>
                <th scope="col">Kind</th>
                <th scope="col">Zone</th>
                <th scope="col">Threats</th>
                <th scope="col">Worst residual</th>
              </tr>
            </thead>
            <tbody>
              {model.elements.map((element) => {
                const { here } = threatsAt(element.id, threats);
                const worst = worstResidual(here);
                return (
                  <tr key={element.id}>
                    <td>
                      <button type="button" className="plain" onClick={() => onSelect(element.id)}>
                        {element.name ?? element.id} <Id>{element.id}</Id>
                      </button>
                    </td>
                    <td>{spaced(element.kind)}</td>
                    <td>{element.zone}</td>
                    <td>{here.length}</td>
                    <td>{worst ? <LevelMark level={worst} /> : <span className="muted">none</span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title="Flows" flush>
        <div className={pageStyles.scroll}>
          <table className={pageStyles.table}>
            <thead>
              <tr>
                <th scope="col">Flow</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Carries</th>
                <th scope="col">TLS</th>
              </tr>
            </thead>
            <tbody>
              {model.flows.map((flow) => (
                <tr key={flow.id}>
                  <td>
                    <button type="button" className="plain" onClick={() => onSelect(flow.id)}>
                      <Id>{flow.id}</Id>
                    </button>
                  </td>
                  <td>{flow.from}</td>
                  <td>{flow.to}</td>
                  <td>
                    {(flow.carries ?? []).join(', ') || <span className="muted">nothing declared</span>}
                  </td>
                  <td>{flow.tls === undefined ? 'not said' : flow.tls ? 'yes' : 'no'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  );
}

function FileView({ text }: { text: string }) {
  return (
    <Panel title="threat-model.yaml" note="Edit it in your editor; a running Merlon loads the change." flush>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scrolling region must be reachable */}
      <pre className={styles.file} tabIndex={0} aria-label="Text of the threat model">
        {text
          .trimEnd()
          .split('\n')
          .map((line, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- lines of a text have no other identity
            <span key={index} data-kind={/^\s*#/.test(line) ? 'comment' : undefined}>
              {line || ' '}
            </span>
          ))}
      </pre>
    </Panel>
  );
}

/** The drawer: what the file says, what follows from it, what can go wrong there. */
function Details({
  id,
  answer: { model, facts },
  threats,
  onClose,
}: {
  id: string | undefined;
  answer: ModelAnswer;
  threats: readonly Threat[];
  onClose: () => void;
}) {
  const element = model.elements.find((one) => one.id === id);
  const flow = model.flows.find((one) => one.id === id);
  const thing = element ?? flow;
  if (!thing || id === undefined)
    return <SidePanel opened={false} onClose={onClose} kind="" title="" children={null} />;
  const derived = Object.entries(facts[id] ?? {});
  const classes = dataOf(model, thing);
  const { here, passing } = threatsAt(id, threats);
  return (
    <SidePanel
      opened
      onClose={onClose}
      kind={element ? spaced(element.kind) : 'flow'}
      title={element ? (element.name ?? element.id) : id}
    >
      <section className={styles.section} aria-label="As declared">
        <h3>As declared</h3>
        <Facts
          rows={Object.entries(thing)
            .filter(([name]) => name !== 'name')
            .map(([name, value]) => [spaced(name), factText(value as FactValue)] as const)}
        />
      </section>
      <section className={styles.section} aria-label="Data">
        <h3>Data {element ? 'it holds' : 'it carries'}</h3>
        {classes.length === 0 ? (
          <p className="muted">None declared.</p>
        ) : (
          <Facts rows={classes.map((data) => [data.name ?? data.id, factText(dataFacts(data))] as const)} />
        )}
      </section>
      <section className={styles.section} aria-label="Derived facts">
        <h3>Derived from the graph</h3>
        {derived.length === 0 ? (
          <p className="muted">Nothing is derived for {element ? 'this element' : 'flows'}.</p>
        ) : (
          <Facts
            rows={derived.map(([name, value]) => [spaced(name), factText(value as FactValue)] as const)}
          />
        )}
      </section>
      <section className={styles.section} aria-label="Threats">
        <h3>{plural(here.length, 'threat')} here</h3>
        <ThreatLinks threats={here} />
        {passing.length > 0 ? (
          <>
            <h3>{plural(passing.length, 'more path')} through it</h3>
            <ThreatLinks threats={passing} />
          </>
        ) : null}
      </section>
    </SidePanel>
  );
}

function dataOf(model: ModelAnswer['model'], thing: Record<string, unknown>) {
  const ids = [thing['carries'], thing['holds']].flatMap((list) =>
    Array.isArray(list) ? (list as string[]) : [],
  );
  return model.data.filter((data) => ids.includes(data.id));
}

function dataFacts({
  class: sensitivity,
  categories,
  region,
  retention,
}: ModelAnswer['model']['data'][number]): FactValue {
  return [
    sensitivity,
    ...(Array.isArray(categories) ? (categories as string[]) : []),
    region,
    retention,
  ].filter((one): one is string => typeof one === 'string');
}

function ThreatLinks({ threats }: { threats: readonly Threat[] }) {
  return (
    <div>
      {threats.map((threat) => (
        <Link key={threat.key} to="/threats" search={{ key: threat.key }} className={styles.threat}>
          <LevelMark level={threat.residualLevel} />
          <span>
            <strong>{threat.title}</strong> <Id>{threat.key}</Id>
          </span>
          <StatusMark status={threat.status} />
        </Link>
      ))}
    </div>
  );
}
