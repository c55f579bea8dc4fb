"""Why functions of the acl interface are not supported: the first pattern that fits a name counts."""

import re

_REASONS = (
    (
        r"aclmdl\w*Dump|acldump\w*|aclop\w*DumpArgs",
        "Dumps are of inputs and outputs of models and operators; the runtime knows kernels and the "
        "bytes of their arguments.",
    ),
    (
        r"aclplatformGetInstructionInfo",
        "The cores run the host's instructions; tables of a chip's own come with its compiler.",
    ),
    (
        r"aclprof\w*",
        "There is no profiler. When tasks ran is recorded and told by "
        "[vnpu/task_times.h](../libruntime/include/vnpu/task_times.h), and between events by "
        "`aclrtEventElapsedTime`.",
    ),
    (
        r"acltdt\w*|aclrt(AllocBuf|FreeBuf|\w*Buf(Data|UserData)\w*|CopyBufRef|AppendBufChain"
        r"|GetBuf\w*)",
        "Queues, and the buffers that go through them, are served by the queue scheduler of the "
        "device's operating system, which the firmware does not have.",
    ),
    (
        r"aclrtCtxGetFloatOverflowAddr",
        "It is for the saturation mode: the cores give infinities and NaN.",
    ),
    (
        r"aclrtCacheLastTaskOpInfo",
        "It keeps an operator's description for profilers alone, which the runtime does not have.",
    ),
    (
        r"aclrtLaunchSIMT\w*",
        "The cores run one thread for each block: they have no SIMT mode.",
    ),
    (
        r"aclrt\w*InterServer",
        "It is for servers that are linked to a SuperPoD; virtual devices are part of none.",
    ),
    (
        r"aclrtSnapShot\w*",
        "The state of a device process cannot be saved and put back.",
    ),
)


def reason(name: str) -> str:
    """Why the function is not supported. Every such function has a reason."""
    for pattern, text in _REASONS:
        if re.fullmatch(pattern, name):
            return text
    raise SystemExit(f"{__file__} does not say why {name} is not supported")
