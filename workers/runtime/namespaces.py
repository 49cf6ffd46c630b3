"""Enter a sandbox that bubblewrap has made, and give up every right on the way. Linux only.

bubblewrap builds the sandbox; this joins a warm interpreter to it, which bubblewrap cannot do,
because it can only start programs anew.
"""

import ctypes
import fcntl
import os
import resource
import signal

_NS_GET_USERNS = 0xB701
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAPBSET_DROP = 24
_LAST_CAP = 63
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def join(pid: int) -> None:
    """Enter the namespaces of `pid`. Only children made from now on are in its PID namespace.

    The mount namespace may belong to another user namespace than the process is in (bubblewrap
    nests two), so its owner is joined first.
    """
    kinds = ("mnt", "pid", "net", "ipc", "uts")
    spaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    target_user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    owner_user = fcntl.ioctl(spaces[0], _NS_GET_USERNS)
    own_user = os.stat("/proc/self/ns/user").st_ino
    if os.fstat(owner_user).st_ino != own_user:
        _setns(owner_user)
        own_user = os.fstat(owner_user).st_ino
    for space in spaces:
        _setns(space)
    if os.fstat(target_user).st_ino != own_user:
        _setns(target_user)
    for descriptor in (*spaces, target_user, owner_user):
        os.close(descriptor)


def drop_rights(uid: int | None, gid: int | None) -> None:
    """Become uid and gid (None: stay) without any capability, now and after any exec."""
    for capability in range(_LAST_CAP + 1):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # unknown ones answer an error
    if uid is not None and gid is not None:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    _clear_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # A change of user makes a process undumpable, and /proc/self unreadable to itself.
    _prctl(_PR_SET_DUMPABLE, 1)


def die_with_parent(parent: int) -> None:
    """`parent`: its pid, asked before the fork. A process that has lost it already ends here; of a
    parent in another PID namespace it sees 0."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in {0, parent}:
        os._exit(1)


def limit_resources(
    *, processes: int | None, file_bytes: int | None, open_files: int = 4096
) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = open_files if hard == resource.RLIM_INFINITY else min(open_files, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))


def _clear_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")
