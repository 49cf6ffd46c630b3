"""The system calls that a box may not make: a seccomp filter for sandboxes without Docker.

Docker has a filter of its own. This one refuses what an engineer's tools do not need and escapes
are made of: namespaces, mounts, kernel modules, keys, tracing of others, raw sockets. A call that
is newer than this list does not exist for a box.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF_0000
_ERRNO = 0x0005_0000

_LOAD = 0x20  # a word of seccomp_data at offset k
_EQUAL = 0x15
_AT_LEAST = 0x35
_ANY_BIT = 0x45
_RETURN = 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in seccomp_data

# CLONE_NEW: time, mount, cgroup, uts, ipc, user, pid, net.
_NEW_NAMESPACE = 0x0000_0080 | 0x0002_0000 | 0x0200_0000 | 0x7C00_0000
_PTRACE_OTHERS = (16, 0x4206)  # ATTACH, SEIZE
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into the terminal of somebody else
_SOCKETS = (1, 2, 10, 16)  # Unix, IPv4, IPv6, netlink
_PERSONALITIES = (0, 0x8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF)
_LAST_KNOWN = 466
_CLONE3 = 435  # its flags lie in memory, where no filter sees them; libc falls back to clone
# From 424 on all architectures number alike.
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "memfd_secret": 447, "set_mempolicy_home_node": 450, "statmount": 457, "listmount": 458,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """Numbers of one architecture. `first_foreign`: from here on another ABI's calls begin."""

    arch: int
    refused: dict[str, int]
    clone: int
    unshare: int
    ptrace: int
    personality: int
    ioctl: int
    socket: int
    first_foreign: int | None = None


_X86_64 = _Machine(
    arch=0xC000_003E,
    first_foreign=0x4000_0000,  # x32
    clone=56, unshare=272, ptrace=101, personality=135, ioctl=16, socket=41,
    refused={
        "syslog": 103, "uselib": 134, "ustat": 136, "sysfs": 139, "modify_ldt": 154,
        "pivot_root": 155, "_sysctl": 156, "chroot": 161, "acct": 163, "settimeofday": 164,
        "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169,
        "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
        "create_module": 174, "init_module": 175, "delete_module": 176, "get_kernel_syms": 177,
        "query_module": 178, "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212,
        "clock_settime": 227, "mbind": 237, "set_mempolicy": 238, "get_mempolicy": 239,
        "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
        "migrate_pages": 256, "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
    },
)  # fmt: skip

_AARCH64 = _Machine(
    arch=0xC000_00B7,
    clone=220, unshare=97, ptrace=117, personality=92, ioctl=29, socket=198,
    refused={
        "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "nfsservctl": 42,
        "chroot": 51, "quotactl": 60, "acct": 89, "kexec_load": 104, "init_module": 105,
        "delete_module": 106, "clock_settime": 112, "syslog": 116, "reboot": 142,
        "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "add_key": 217,
        "request_key": 218, "keyctl": 219, "swapon": 224, "swapoff": 225, "mbind": 235,
        "get_mempolicy": 236, "set_mempolicy": 237, "migrate_pages": 238, "move_pages": 239,
        "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280,
        "userfaultfd": 282, "kexec_file_load": 294,
    },
)  # fmt: skip

_MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64}


class _Op(NamedTuple):
    """One instruction. Jumps are counted from the next one on."""

    code: int
    k: int
    if_true: int = 0
    if_false: int = 0


def forbid_system_calls() -> None:
    """Filter this process and all that come of it, for good. Needs `no_new_privs`.

    Raises OSError where the kernel has no seccomp, KeyError on an unknown architecture.
    """
    code = b"".join(
        struct.pack("=HBBI", op.code, op.if_true, op.if_false, op.k)
        for op in _program(_MACHINES[platform.machine()])
    )
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the system call filter was not taken")


def _program(machine: _Machine) -> list[_Op]:
    absent, refused = _ERRNO | errno.ENOSYS, _ERRNO | errno.EPERM
    program = [
        _Op(_LOAD, _ARCH),
        _Op(_EQUAL, machine.arch, 1, 0),
        _Op(_RETURN, absent),
        _Op(_LOAD, _NUMBER),
        _Op(_AT_LEAST, machine.first_foreign or _LAST_KNOWN + 1, 0, 1),
        _Op(_RETURN, absent),
        _Op(_AT_LEAST, _LAST_KNOWN + 1, 0, 1),
        _Op(_RETURN, absent),
        _Op(_EQUAL, _CLONE3, 0, 1),
        _Op(_RETURN, absent),
    ]
    for number in sorted({*machine.refused.values(), *_COMMON.values()}):
        program += [_Op(_EQUAL, number, 0, 1), _Op(_RETURN, refused)]
    for call in (machine.clone, machine.unshare):
        program += _on(call, 0, [_Op(_ANY_BIT, _NEW_NAMESPACE, 0, 1), _Op(_RETURN, refused)])
    program += _on(machine.ptrace, 0, _one_of(_PTRACE_OTHERS, refused))
    program += _on(machine.ioctl, 1, _one_of(_TERMINAL_INPUT, refused))
    program += _on(machine.personality, 0, _none_but(_PERSONALITIES, refused))
    program += _on(machine.socket, 0, _none_but(_SOCKETS, _ERRNO | errno.EAFNOSUPPORT))
    return [*program, _Op(_RETURN, _ALLOW)]


def _on(call: int, argument: int, rule: Sequence[_Op]) -> list[_Op]:
    """Apply `rule` to the low word of an argument of one call, and end there."""
    body = [_Op(_LOAD, _ARGUMENTS + 8 * argument), *rule, _Op(_RETURN, _ALLOW)]
    return [_Op(_EQUAL, call, 0, len(body)), *body]


def _one_of(values: Sequence[int], result: int) -> list[_Op]:
    return [op for value in values for op in (_Op(_EQUAL, value, 0, 1), _Op(_RETURN, result))]


def _none_but(values: Sequence[int], result: int) -> list[_Op]:
    allow = [op for value in values for op in (_Op(_EQUAL, value, 0, 1), _Op(_RETURN, _ALLOW))]
    return [*allow, _Op(_RETURN, result)]
