import { defineScanner, type ScanContext } from '../contract.ts';
import { fieldsOf, textAt, type Field } from '../protobuf-wire.ts';
import { isOnnx } from '../onnx/scan.ts';
import type { Source } from '../source.ts';

// saved_model.proto, meta_graph.proto, graph.proto, function.proto of TensorFlow: operators in the graph and in the function
// library. Also graph files that are a GraphDef alone.

const malicious = new Map<string, string>(
  Object.entries({
    PyFunc: 'calls a Python function of the process',
    EagerPyFunc: 'calls a Python function of the process',
    PyFuncStateless: 'calls a Python function of the process',
    NumpyFunction: 'calls a Python function of the process',
    ReadFile: 'reads any file',
    WriteFile: 'writes any file',
  }),
);
const suspicious = new Map<string, string>(
  Object.entries({
    PrintV2: 'can write to a file',
    MatchingFiles: 'lists files',
    DebugIdentity: 'sends values to a URL or file',
    DebugIdentityV2: 'sends values to a URL or file',
    DebugIdentityV3: 'sends values to a URL or file',
    DebugNanCount: 'sends values to a URL or file',
    DebugNumericSummary: 'sends values to a URL or file',
    DebugNumericSummaryV2: 'sends values to a URL or file',
    TextLineDataset: 'reads files',
    TextLineReader: 'reads files',
    TextLineReaderV2: 'reads files',
    FixedLengthRecordDataset: 'reads files',
    FixedLengthRecordDatasetV2: 'reads files',
    FixedLengthRecordReaderV2: 'reads files',
    TFRecordDataset: 'reads files',
    TFRecordDatasetV2: 'reads files',
    TFRecordReader: 'reads files',
    TFRecordReaderV2: 'reads files',
    WholeFileReader: 'reads files',
    WholeFileReaderV2: 'reads files',
    ReaderReadV2: 'reads files',
    LMDBDataset: 'reads files',
    LMDBReader: 'reads files',
    SqlDataset: 'reads a database',
    CSVDataset: 'reads files',
    CSVDatasetV2: 'reads files',
    LoadDataset: 'reads files',
    SaveDataset: 'writes files',
    SaveDatasetV2: 'writes files',
    DatasetToTFRecord: 'writes files',
    ImmutableConst: 'maps a file into memory',
    WriteSummary: 'writes files',
    CreateSummaryFileWriter: 'writes files',
    CreateSummaryDbWriter: 'writes a database',
    DataServiceDataset: 'reads from a server',
    DataServiceDatasetV2: 'reads from a server',
    DataServiceDatasetV4: 'reads from a server',
    RegisterDataset: 'talks to a server',
    RpcCall: 'talks to a server',
    RpcClient: 'talks to a server',
    RpcServer: 'opens a port',
    LoadLibrary: 'loads a native library',
    XlaHostCompute: 'leaves the graph',
    RemoteCall: 'runs on another machine',
    ExperimentalLMDBDataset: 'reads files',
    BigQueryReader: 'reads from a server',
    GenerateBigQueryReaderPartitions: 'reads from a server',
    KafkaDataset: 'reads from a server',
  }),
);

/** Nodes of one graph; a larger one is not taken for a graph. */
const nodesMost = 200_000;

export const scanner = defineScanner({
  id: 'savedmodel',
  title: 'TensorFlow SavedModel or graph',

  recognise: (source) => (graphsOf(source) === undefined ? undefined : 'magic'),

  scan(source, context) {
    for (const graph of graphsOf(source) ?? []) judgeGraph(source, graph, context);
  },
});

/** Places of GraphDef messages, when the source is a SavedModel or a GraphDef from start to end. */
function graphsOf(source: Source): Field[] | undefined {
  const first = source.read(0, 1)[0];
  if (source.size < 8 || (first !== 0x08 && first !== 0x0a && first !== 0x12) || isOnnx(source))
    return undefined;
  try {
    const fields: Field[] = [];
    for (const field of fieldsOf(source, 0, source.size)) {
      fields.push(field);
      if (fields.length > nodesMost) return undefined;
    }
    if (first === 0x0a)
      return isGraph(source, fields) ? [{ number: 0, wire: 2, start: 0, end: source.size }] : undefined;
    if (fields.some(({ number }) => number > 2)) return undefined;
    const metaGraphs = fields.filter(({ number, wire }) => number === 2 && wire === 2);
    if (metaGraphs.length === 0) return undefined;
    return metaGraphs.flatMap((meta) =>
      [...fieldsOf(source, meta.start, meta.end)].filter(({ number, wire }) => number === 2 && wire === 2),
    );
  } catch {
    return undefined;
  }
}

/** Field 1 holds nodes with a name and an operator. */
function isGraph(source: Source, fields: readonly Field[]): boolean {
  const [first] = fields;
  if (first?.number !== 1 || first.wire !== 2 || fields.some(({ number }) => number > 5)) return false;
  const inner = [...fieldsOf(source, first.start, first.end)];
  const operator = inner.find(({ number, wire }) => number === 2 && wire === 2);
  return inner[0]?.number === 1 && operator !== undefined && /^[A-Z]\w*$/.test(textAt(source, operator, 64));
}

function judgeGraph(source: Source, graph: Field, context: ScanContext): void {
  for (const field of fieldsOf(source, graph.start, graph.end)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) judgeNode(source, field, context);
    else if (field.number === 2)
      for (const body of fieldsOf(source, field.start, field.end))
        if (body.number === 1 && body.wire === 2)
          for (const node of fieldsOf(source, body.start, body.end))
            if (node.number === 3 && node.wire === 2) judgeNode(source, node, context);
  }
}

function judgeNode(source: Source, node: Field, context: ScanContext): void {
  for (const field of fieldsOf(source, node.start, node.end)) {
    if (field.number !== 2 || field.wire !== 2) continue;
    const operator = textAt(source, field, 200);
    const bad = malicious.get(operator);
    const doubtful = suspicious.get(operator);
    if (bad !== undefined)
      context.report({
        rule: 'graph-operator',
        weight: 'malicious',
        offset: node.start,
        evidence: operator,
        why: bad,
      });
    else if (doubtful !== undefined)
      context.report({
        rule: 'graph-operator',
        weight: 'suspicious',
        offset: node.start,
        evidence: operator,
        why: doubtful,
      });
  }
}
