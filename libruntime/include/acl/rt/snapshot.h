// Saving and restoring the device state of a process.
#ifndef VNPU_ACL_RT_SNAPSHOT_H_
#define VNPU_ACL_RT_SNAPSHOT_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Snapshots of a process (manual 21 Snapshot) -------------------------------------

// Whether a process is locked.
typedef enum aclrtProcessState {
  ACL_RT_PROCESS_STATE_RUNNING = 0,
  ACL_RT_PROCESS_STATE_LOCKED = 1,
} aclrtProcessState;

// When a callback is called.
typedef enum aclrtSnapShotStage {
  ACL_RT_SNAPSHOT_LOCK_PRE = 0,
  ACL_RT_SNAPSHOT_BACKUP_PRE = 1,
  ACL_RT_SNAPSHOT_BACKUP_POST = 2,
  ACL_RT_SNAPSHOT_RESTORE_PRE = 3,
  ACL_RT_SNAPSHOT_RESTORE_POST = 4,
  ACL_RT_SNAPSHOT_UNLOCK_POST = 5,
} aclrtSnapShotStage;

// Called at a stage; returns 0 if it succeeded.
typedef uint32_t (*aclrtSnapShotCallBack)(int32_t deviceId, void* args);

// Arguments of a backup.
typedef struct aclrtSnapShotBackupArgs {
  uint32_t backupFlags;
  char reserved[60];
} aclrtSnapShotBackupArgs;

// Arguments of a restore.
typedef struct aclrtSnapShotRestoreArgs {
  uint32_t restoreFlags;
  char reserved[60];
} aclrtSnapShotRestoreArgs;

// Makes the process's calls that would change the device wait.
aclError aclrtSnapShotProcessLock(int pid, void* reserve);

// Lets them go on.
aclError aclrtSnapShotProcessUnlock(int pid, void* reserve);

// Saves the device state to the host; the last backup counts.
aclError aclrtSnapShotProcessBackup(int pid, aclrtSnapShotBackupArgs* args);

// Restores the device state.
aclError aclrtSnapShotProcessRestore(int pid, aclrtSnapShotRestoreArgs* args);

// Registers a function for a stage.
aclError aclrtSnapShotCallbackRegister(aclrtSnapShotStage stage, aclrtSnapShotCallBack callback,
                                       void* args);

// Removes it.
aclError aclrtSnapShotCallbackUnregister(aclrtSnapShotStage stage, aclrtSnapShotCallBack callback);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_SNAPSHOT_H_
