/**
 * The launcher: a Python program (standard library only) that closes the doors and then becomes the command. It reads a
 * policy as JSON from its first argument and writes what is enforced as JSON to descriptor 3 before it hands over.
 *
 * Landlock (kernel ≥ 5.13) restricts what the process and everything it starts may open; a seccomp filter denies sockets of
 * every kind, which Landlock alone does not for UDP, and io_uring, which could make them. Neither can be undone.
 */
export const launcher = String.raw`
import ctypes, json, os, platform, struct, sys

policy = json.load(open(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
CREATE, ADD, RESTRICT = 444, 445, 446
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_SYM = 16, 32, 128, 256, 512, 1024, 4096
REFER, TRUNCATE = 8192, 16384
READ = READ_FILE | READ_DIR
RIGHTS = {
    "run": READ | EXECUTE,
    "read": READ,
    "file": READ_FILE,
    "list": READ_DIR,
    "device": READ_FILE | WRITE_FILE,
    "write": READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE,
}
FILE_ONLY = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE


def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def landlock():
    abi = call(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    handled = (1 << 13) - 1
    if abi >= 2:
        handled |= REFER
    if abi >= 3:
        handled |= TRUNCATE
    if abi >= 5:
        handled |= 1 << 15
    net = 3 if abi >= 4 else 0
    scoped = 3 if abi >= 6 else 0
    attributes = struct.pack("QQQ", handled, net, scoped)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = call(CREATE, buffer, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    for kind, paths in policy["allow"].items():
        for path in paths:
            try:
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            rights = RIGHTS[kind] & handled
            if not os.path.isdir(path):
                rights &= FILE_ONLY
            rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place), 12)
            call(ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint(0))
            os.close(place)
    call(RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    os.close(ruleset)
    return abi


# machine: (audit architecture, denied system calls: socket, io_uring_setup, process_vm_readv, ptrace, pidfd_getfd, shmget, mq_open)
MACHINES = {
    "x86_64": (0xC000003E, (41, 425, 310, 101, 438, 29, 240)),
    "aarch64": (0xC00000B7, (198, 425, 270, 117, 438, 194, 180)),
}


def seccomp():
    arch, denied = MACHINES[platform.machine()]
    deny, allow = 0x00050000 | 13, 0x7FFF0000
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, arch), (0x06, 0, 0, 0x80000000), (0x20, 0, 0, 0)]
    # The 32-bit-pointer variant of x86-64 numbers the same calls in another way.
    code += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, deny)]
    for number in denied:
        code += [(0x15, 0, 1, number), (0x06, 0, 0, deny)]
    code.append((0x06, 0, 0, allow))
    program = b"".join(struct.pack("=HBBI", *one) for one in code)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(buffer)))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


state = {"landlock": 0, "network": False, "problems": []}
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
os.chdir(policy["cwd"])
for name, step in (("landlock", landlock), ("network", seccomp)):
    try:
        state[name] = step() or True
    except (OSError, KeyError) as error:
        state["problems"].append("%s: %s" % (name, error))
whole = bool(state["landlock"]) and bool(state["network"])
os.write(3, json.dumps(state).encode())
if not whole and not policy["advisory"]:
    sys.exit(125)
os.closerange(3, 65536)
try:
    os.execvpe(policy["command"][0], policy["command"], policy["environment"])
except OSError as error:
    sys.stderr.write("%s: %s\n" % (policy["command"][0], error.strerror))
    sys.exit(127 if isinstance(error, FileNotFoundError) else 126)
`;
