/** What a name that a pickle imports can do. */
export type Standing = 'safe' | 'unknown' | 'dangerous';

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Python 2 module names that the unpickler translates (Python `_compat_pickle`), as far as the tables speak of them. */
const renamed: Record<string, string> = {
  __builtin__: 'builtins',
  copy_reg: 'copyreg',
  cPickle: 'pickle',
  commands: 'subprocess',
  StringIO: 'io',
  cStringIO: 'io',
  UserDict: 'collections',
  UserList: 'collections',
  UserString: 'collections',
  Queue: 'queue',
  urllib2: 'urllib.request',
  httplib: 'http.client',
  HTMLParser: 'html.parser',
  BaseHTTPServer: 'http.server',
  xmlrpclib: 'xmlrpc.client',
  _winreg: 'winreg',
  __main__: '__main__',
};

const dtypes =
  'float64 float32 float16 bfloat16 double float half int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool long int short complex32 complex64 complex128 cfloat cdouble quint8 qint8 qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2';
const storages =
  'FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage UntypedStorage TypedStorage';
const numpyScalars =
  'bool_ bool int_ int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 intc intp uintp longlong ulonglong float16 float32 float64 float_ longdouble half single double complex64 complex128 complex_ str_ bytes_ void object_ datetime64 timedelta64 generic number';

/** Exact names whose import and call build plain values, whatever the arguments. */
const safe = new Map<string, Set<string>>(
  Object.entries({
    builtins:
      'bool bytearray bytes complex dict float frozenset int list object range set slice str tuple xrange unicode long basestring Ellipsis NotImplemented NoneType reversed',
    collections: 'OrderedDict defaultdict Counter deque UserDict UserList UserString ChainMap',
    copyreg: '_reconstructor __newobj__ __newobj_ex__',
    _codecs: 'encode',
    datetime: 'datetime date time timedelta timezone',
    decimal: 'Decimal',
    _decimal: 'Decimal',
    fractions: 'Fraction',
    uuid: 'UUID SafeUUID',
    pathlib: 'Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath',
    types: 'SimpleNamespace NoneType',
    argparse: 'Namespace',
    array: '_array_reconstructor array',
    zoneinfo: 'ZoneInfo._unpickle ZoneInfo',
    numpy: `ndarray dtype matrix ${numpyScalars}`,
    'numpy.core.multiarray': '_reconstruct scalar',
    'numpy._core.multiarray': '_reconstruct scalar',
    'numpy.core.numeric': '_frombuffer',
    'numpy._core.numeric': '_frombuffer',
    'numpy.ma.core': '_mareconstruct MaskedArray',
    'numpy.dtypes':
      'BoolDType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType UInt64DType Float16DType Float32DType Float64DType LongDoubleDType Complex64DType Complex128DType StrDType BytesDType VoidDType ObjectDType DateTime64DType TimeDelta64DType',
    'numpy.random': 'RandomState Generator',
    'numpy.random._pickle':
      '__randomstate_ctor __generator_ctor __bit_generator_ctor _randomstate_ctor _generator_ctor _bit_generator_ctor',
    'numpy.random._mt19937': 'MT19937 __setstate_cython__',
    'numpy.random._pcg64': 'PCG64 PCG64DXSM',
    'numpy.random._philox': 'Philox',
    'numpy.random._sfc64': 'SFC64',
    'numpy.random.bit_generator': '__pyx_unpickle_SeedSequence SeedSequence',
    torch: `Tensor Size device dtype Generator per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric strided sparse_coo sparse_csr contiguous_format channels_last preserve_format ${dtypes} ${storages}`,
    'torch._utils':
      '_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor _rebuild_wrapper_subclass _rebuild_nested_tensor _rebuild_xla_tensor',
    'torch._tensor': '_rebuild_from_type_v2 Tensor',
    'torch.storage': `_load_from_bytes ${storages}`,
    'torch.cuda': storages,
    'torch.serialization': '_get_layout',
    'torch.nn.parameter': 'Parameter Buffer UninitializedParameter UninitializedBuffer',
    'torch.nn.backends.thnn': '_get_thnn_function_backend',
    'torch.jit._pickle':
      'build_intlist build_doublelist build_boollist build_tensorlist build_tensor_from_id restore_type_tag',
    'torch.backends.cuda': '',
    'joblib.numpy_pickle': 'NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper',
    'joblib.numpy_pickle_compat': 'NDArrayWrapper ZNDArrayWrapper',
    'scipy.sparse._csr': 'csr_matrix csr_array',
    'scipy.sparse._csc': 'csc_matrix csc_array',
    'scipy.sparse._coo': 'coo_matrix coo_array',
    'scipy.sparse.csr': 'csr_matrix',
    'scipy.sparse.csc': 'csc_matrix',
    'scipy.sparse.coo': 'coo_matrix',
    'pandas.core.frame': 'DataFrame',
    'pandas.core.series': 'Series',
    'pandas.core.indexes.base': 'Index _new_Index',
    'pandas.core.indexes.range': 'RangeIndex',
    'pandas.core.internals.managers': 'BlockManager SingleBlockManager',
    'pandas._libs.internals': '_unpickle_block',
    'pandas._libs.arrays': '__pyx_unpickle_NDArrayBacked',
  }).map(([module, names]) => [module, new Set(words(names))]),
);

/** Classes of frameworks that are built by name: only names that look like classes, below these modules. */
const safeClasses: [module: RegExp, names: RegExp][] = [
  [/^torch\.nn\.modules\.[a-z_]+$/, /^[A-Z][A-Za-z0-9]*$/],
  [/^torch\.optim\.(?:[a-z_]+)$/, /^[A-Z][A-Za-z0-9]*$/],
  [
    /^sklearn\.(?:tree|ensemble|linear_model|svm|naive_bayes|neighbors|cluster|decomposition|preprocessing|pipeline|compose|feature_extraction|feature_selection|discriminant_analysis|gaussian_process|isotonic|kernel_ridge|mixture|multiclass|multioutput|neural_network|impute|calibration|dummy|random_projection|cross_decomposition|covariance|_loss|manifold|utils)(?:\.[a-z_0-9]+)*$/,
    /^_?[A-Z][A-Za-z0-9]*$/,
  ],
  [/^lightgbm\.(?:sklearn|basic)$/, /^(?:LGBM[A-Za-z]+|Booster|_LGBMLabelEncoder)$/],
  [/^xgboost\.(?:sklearn|core)$/, /^(?:XGB[A-Za-z]+|Booster)$/],
  [/^catboost\.core$/, /^CatBoost[A-Za-z]*$/],
  [/^accelerate\.(?:state|utils\.dataclasses)$/, /^[A-Z][A-Za-z0-9]*$/],
  [/^transformers\.(?:training_args|trainer_utils|integrations\.deepspeed)$/, /^[A-Z][A-Za-z0-9]*$/],
];

/** Modules of Python whose functions run code, open files or sockets, load libraries, or hand out the means to. */
const dangerousModules = new Set(
  words(`
  os posix nt posixpath ntpath subprocess _posixsubprocess _winapi _overlapped msvcrt winreg sys pty tty popen2
  platform runpy importlib _frozen_importlib _frozen_importlib_external _imp imp zipimport zipapp pkgutil modulefinder code codeop
  pdb bdb trace profile cProfile _lsprof hotshot pstats timeit doctest unittest pydoc pydoc_data pyclbr ensurepip pip
  venv virtualenv distutils setuptools pkg_resources _osx_support _aix_support _pyrepl _sysconfigdata site sysconfig idlelib lib2to3 test
  ctypes _ctypes cffi mmap io _io _pyio shutil tempfile glob fileinput linecache zipfile tarfile gzip bz2 lzma
  sqlite3 _sqlite3 dbm _dbm _gdbm shelve marshal pickle _pickle dill cloudpickle jsonpickle socket _socket socketserver ssl _ssl http
  urllib urllib3 ftplib smtplib smtpd imaplib poplib nntplib telnetlib xmlrpc webbrowser cgi cgitb wsgiref
  asyncio asyncore asynchat concurrent multiprocessing _multiprocessing threading _thread thread _threading_local dummy_threading
  _interpreters _xxsubinterpreters _xxinterpchannels interpreters _interpchannels _interpqueues
  signal _signal atexit faulthandler gc inspect tracemalloc _tracemalloc ast symtable py_compile compileall sched selectors
  antigravity turtle turtledemo this tkinter _tkinter curses readline rlcompleter getpass crypt resource syslog
  mailcap mailbox mimetypes netrc logging nis spwd pwd grp fcntl termios cmd shlex pipes mhlib
  __main__.os operator _operator _testcapi _testinternalcapi xxsubtype pathlib _pathlib _colorize _android_support _ios_support
  ptyprocess pexpect sh plumbum fabric invoke paramiko requests httpx aiohttp httplib2 pycurl tornado twisted websocket websockets socks
  jinja2 mako yaml ruamel execjs js2py IPython ipykernel ipywidgets jupyter nbconvert notebook pytest _pytest py nose
  psutil docker kubernetes git dulwich win32api win32com win32process wmi pywintypes pythoncom pyautogui pynput keyboard
  huggingface_hub torch.hub torch.package torch.utils.cpp_extension torch.utils.model_zoo torch.utils.bottleneck
  torch.utils.collect_env torch.utils.data torch.utils.show_pickle torch.utils._config_module torch.utils._config_typing torch.utils.hipify
  torch.utils.benchmark torch.utils.checkpoint torch.utils.jit torch.utils.dlpack
  torch.distributed torch.multiprocessing torch.testing torch.ops torch.classes torch._ops torch._classes torch.library torch.jit.frontend
  torch.jit._script torch.jit._serialization torch.jit.unsupported_tensor_ops torch.jit._trace torch.onnx torch._dynamo
  torch._inductor torch._functorch torch._appdirs torch._utils_internal torch.export torch._export torch.fx torch.cuda._utils torch._jit_internal
  torch._lazy torch._C torch._sources torch._deploy torch.autograd.profiler torch.compiler torch.csrc torch.monitor torch.profiler
  numpy.testing numpy.f2py numpy.distutils numpy.ctypeslib numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format numpy.lib.utils numpy.core._internal
  pandas.io pandas.eval pandas.core.computation scipy.weave sympy.parsing sympy.utilities sympy.core.sympify sympy.printing
  tensorflow.io tensorflow.raw_ops tensorflow.load_library tensorflow.python.framework.load_library tensorflow.saved_model
  keras.saving keras.src.saving keras.utils keras.src.utils keras.models keras.src.models keras.src.legacy.saving
  transformers.dynamic_module_utils transformers.utils.hub transformers.pipelines transformers.commands
  datasets.load mlflow ray dask.distributed pyspark wandb gradio streamlit flask django bottle nltk.downloader
  cython Cython pyximport numba.core numba.pycc llvmlite pybind11 cppimport debugpy pydevd ptvsd pycallgraph objgraph
  apsw psycopg2 pymysql pymongo redis ldap3 smb impacket scapy shellescape pyarmor uncompyle6 code_interpreter
`),
);

/** Callables of otherwise mixed modules that execute, load or write. Also matched as any later part of a dotted name. */
const dangerousNames = new Map<string, Set<string>>(
  Object.entries({
    builtins:
      'eval exec execfile compile open file input raw_input __import__ getattr setattr delattr globals locals vars dir apply reload breakpoint exit quit help super classmethod staticmethod property __build_class__ __loader__ __dict__ map',
    types:
      'FunctionType CodeType LambdaType MethodType ModuleType BuiltinFunctionType MethodWrapperType GeneratorType CoroutineType new_class prepare_class DynamicClassAttribute',
    codecs: 'open EncodedFile StreamReaderWriter register decode',
    _codecs: 'register lookup decode',
    copyreg: 'add_extension pickle constructor',
    collections: 'namedtuple',
    functools: 'partialmethod',
    uuid: '_get_command_stdout _popen _find_mac getnode _ipconfig_getnode',
    numpy: 'load save savez savetxt loadtxt genfromtxt fromregex memmap DataSource tofile __builtins__ loads',
    torch: 'load save compile jit hub ops classes package import_ir_module from_file __builtins__ _C sys os',
    'torch.storage': 'from_file _new_shared_filename',
    'torch.serialization': 'load save _load _legacy_load add_safe_globals',
    joblib: 'load dump Parallel Memory parallel_backend',
    pandas: 'read_pickle eval read_hdf read_csv read_sql read_html read_json to_pickle',
    sympy: 'sympify parse_expr lambdify preview S',
    scipy: 'test',
    tensorflow: 'py_function numpy_function load_op_library load_library',
    keras: 'Lambda',
    transformers: 'pipeline Pipeline',
    datasets: 'load_dataset load_from_disk load_metric',
    onnx: 'load load_model save hub',
    webdataset: 'WebDataset',
  }).map(([module, names]) => [module, new Set(words(names))]),
);

/** A later part of a dotted path that leaves the module it starts in. */
const escapes = new Set(
  words(
    'os sys subprocess posix nt builtins __builtins__ importlib runpy ctypes socket shutil pickle marshal system popen eval exec spawn _os _sys _subprocess _importlib platform pty io __import__ __globals__ __subclasses__ __class__ __base__ __bases__ __mro__ __dict__ __code__ __closure__ __getattribute__ __getattr__ __reduce__ __reduce_ex__ __init__ __init_subclass__ __loader__ __spec__ __call__ __func__ __self__ func_globals gi_frame f_globals f_builtins tb_frame write_text write_bytes unlink rmdir chmod symlink_to hardlink_to',
  ),
);

/** Names that say what a function of an unknown package does. */
const tellingName =
  /^_*(?:eval|exec|execfile|exec_\w*|\w*_exec|execWrapper|run_?(?:cmd|command|code|script|path|module|string|shell|cell|line|pip|setup)\w*|runctx|runcall|runsource|runcode|runstring|system|popen\w*|spawn\w*|shell\w*|subprocess\w*|check_(?:call|output)|getoutput|getstatusoutput|pipepager|tempfilepager|load_?(?:library|inline|lib|module|dll|pickle|op_library|reader)\w*|unpickle\w*|import_?(?:module|from_string|string|object|file)\w*|dynamic_import\w*|__import__|from_pretrained|hf_hub_download|snapshot_download|download\w*|urlopen|urlretrieve|wget|create_subprocess\w*|_start_subprocess|enable_unsafe_deserialization|get_file|safe_eval|unsafe_\w+|basichandlers|create_function|_create_(?:function|code|type))$/i;

const dunderAllowed = new Set([
  '__newobj__',
  '__newobj_ex__',
  '__randomstate_ctor',
  '__generator_ctor',
  '__bit_generator_ctor',
]);

export interface Judgement {
  standing: Standing;
  why: string;
}

/** Whether a name may be imported by a pickle. Every dotted part of module and name can be reached on its own. */
export function judgeGlobal(module: string, name: string): Judgement {
  const modern = renamed[module] ?? module;
  if (safe.get(modern)?.has(name) === true) return { standing: 'safe', why: 'builds plain values' };
  const path = `${modern}.${name}`.split('.');
  if (prefixIn(dangerousModules, path))
    return {
      standing: 'dangerous',
      why: `\`${modern}\` runs code, reaches files or the network, or loads libraries`,
    };
  for (let length = path.length - 1; length > 0; length--) {
    const names = dangerousNames.get(path.slice(0, length).join('.'));
    if (names?.has(path[length]!) === true)
      return {
        standing: 'dangerous',
        why: `\`${path.slice(0, length + 1).join('.')}\` executes, loads or changes code`,
      };
  }
  const escape = path.slice(1).find((part) => escapes.has(part));
  if (escape !== undefined && !dunderAllowed.has(name))
    return { standing: 'dangerous', why: `the dotted path reaches \`${escape}\`` };
  const leaf = path.at(-1)!;
  if (tellingName.test(leaf))
    return { standing: 'dangerous', why: `\`${leaf}\` executes or loads code by its name` };
  if (safeClasses.some(([inModule, names]) => inModule.test(modern) && names.test(name)))
    return { standing: 'safe', why: 'a class of a framework' };
  return { standing: 'unknown', why: 'not on the list of names that are known to be harmless' };
}

function prefixIn(set: ReadonlySet<string>, path: readonly string[]): boolean {
  let prefix = '';
  return path.some((part) => {
    prefix = prefix === '' ? part : `${prefix}.${part}`;
    return set.has(prefix);
  });
}
