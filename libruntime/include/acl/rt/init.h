// Start and end of the interface, versions, dump configuration.
#ifndef VNPU_ACL_RT_INIT_H_
#define VNPU_ACL_RT_INIT_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Start and end (manual 02 Initialization) ----------------------------------------

// Starts the interface in this process; to be called first. `configPath` is a JSON file, or null
// for the defaults. Only the first call reads the configuration; a further call counts as one
// more user and returns ACL_ERROR_REPEAT_INITIALIZE, which may be ignored.
aclError aclInit(const char* configPath);

// Ends the interface and frees what it holds in this process, however often aclInit was called.
// Not to be called from destructors of static objects, whose order is unknown.
aclError aclFinalize(void);

// Takes back one aclInit and ends the interface with the last one. `refCount` may be null,
// otherwise it receives the number of users left.
aclError aclFinalizeReference(uint64_t* refCount);

// The component that registers a callback.
typedef enum aclRegisterCallbackType {
  ACL_REG_TYPE_ACL_MODEL = 0,
  ACL_REG_TYPE_ACL_OP_EXECUTOR = 1,
  ACL_REG_TYPE_ACL_OP_CBLAS = 2,
  ACL_REG_TYPE_ACL_OP_COMPILER = 3,
  ACL_REG_TYPE_ACL_TDT_CHANNEL = 4,
  ACL_REG_TYPE_ACL_TDT_QUEUE = 5,
  ACL_REG_TYPE_ACL_DVPP = 6,
  ACL_REG_TYPE_ACL_RETR = 7,
  ACL_REG_TYPE_OTHER = 0xFFFF,
} aclRegisterCallbackType;

// Called by aclInit with the text of the configuration.
typedef aclError (*aclInitCallbackFunc)(const char* configStr, size_t len, void* userData);

// Called when the interface ends.
typedef aclError (*aclFinalizeCallbackFunc)(void* userData);

// Registers a function that aclInit calls for a component, or calls it now if aclInit was
// called.
aclError aclInitCallbackRegister(aclRegisterCallbackType type, aclInitCallbackFunc cbFunc,
                                 void* userData);

// Removes such a function.
aclError aclInitCallbackUnRegister(aclRegisterCallbackType type, aclInitCallbackFunc cbFunc);

// Registers a function that is called when the interface ends.
aclError aclFinalizeCallbackRegister(aclRegisterCallbackType type, aclFinalizeCallbackFunc cbFunc,
                                     void* userData);

// Removes such a function.
aclError aclFinalizeCallbackUnRegister(aclRegisterCallbackType type,
                                       aclFinalizeCallbackFunc cbFunc);

// ---------- Versions (manual 24) ------------------------------------------------------------

#define ACL_MAJOR_VERSION 1
#define ACL_MINOR_VERSION 17
#define ACL_PATCH_VERSION 0
#define ACL_PKG_VERSION_MAX_SIZE 128
#define ACL_PKG_VERSION_PARTS_MAX_SIZE 64

// Packages of the software stack.
typedef enum aclCANNPackageName {
  ACL_PKG_NAME_CANN = 0,
  ACL_PKG_NAME_RUNTIME = 1,
  ACL_PKG_NAME_COMPILER = 2,
  ACL_PKG_NAME_HCCL = 3,
  ACL_PKG_NAME_TOOLKIT = 4,
  ACL_PKG_NAME_OPP = 5,
  ACL_PKG_NAME_OPP_KERNEL = 6,
  ACL_PKG_NAME_DRIVER = 7,
} aclCANNPackageName;

// Version of a package, whole and in parts, as strings.
typedef struct aclCANNPackageVersion {
  char version[ACL_PKG_VERSION_MAX_SIZE];
  char majorVersion[ACL_PKG_VERSION_PARTS_MAX_SIZE];
  char minorVersion[ACL_PKG_VERSION_PARTS_MAX_SIZE];
  char releaseVersion[ACL_PKG_VERSION_PARTS_MAX_SIZE];
  char patchVersion[ACL_PKG_VERSION_PARTS_MAX_SIZE];
  char reserved[128];
} aclCANNPackageVersion;

// Version of a package as text; `versionStr` has room for ACL_PKG_VERSION_MAX_SIZE.
aclError aclsysGetVersionStr(char* pkgName, char* versionStr);

// Version of a package as one number that grows with the version.
aclError aclsysGetVersionNum(char* pkgName, int32_t* versionNum);

// Version of a package in parts.
ACL_DEPRECATED_MESSAGE("use aclsysGetVersionStr or aclsysGetVersionNum")
aclError aclsysGetCANNVersion(aclCANNPackageName name, aclCANNPackageVersion* version);

// Version of the interface: incompatible changes, additions, corrections.
ACL_DEPRECATED_MESSAGE("use aclsysGetVersionStr or aclsysGetVersionNum")
aclError aclrtGetVersion(int32_t* majorVersion, int32_t* minorVersion, int32_t* patchVersion);

// Says whether code for the named chip runs here: 1 or 0.
aclError aclrtCheckArchCompatibility(const char* socVersion, int32_t* canCompatible);

// ---------- Dump configuration (manual 18) --------------------------------------------------

// Prepares dumping.
aclError aclmdlInitDump(void);

// Switches dumping on as a JSON file says.
aclError aclmdlSetDump(const char* dumpCfgPath);

// Ends dumping.
aclError aclmdlFinalizeDump(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_INIT_H_
