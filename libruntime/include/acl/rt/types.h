// Handles and structures that more than one subject of the runtime uses.
#ifndef VNPU_ACL_RT_TYPES_H_
#define VNPU_ACL_RT_TYPES_H_

#include <stdbool.h>

#include "acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---------- Handles and structures that more than one subject uses --------------------------

// Device code in memory, before it is loaded.
typedef void* aclrtBinary;

// Loaded device code.
typedef void* aclrtBinHandle;

// One function of loaded device code.
typedef void* aclrtFuncHandle;

// An argument list under construction.
typedef void* aclrtArgsHandle;

// One argument of such a list.
typedef void* aclrtParamHandle;

// Physical memory.
typedef void* aclrtDrvMemHandle;

// A model instance: a graph of tasks.
typedef void* aclmdlRI;

// What is known about a failed task; valid during the callback only.
typedef struct rtExceptionInfo aclrtExceptionInfo;

// A host function with one argument.
typedef void (*aclrtCallback)(void* userData);

// Kinds of device memory, by medium, page size and use between devices.
typedef enum aclrtMemAttr {
  ACL_DDR_MEM = 0,
  ACL_HBM_MEM = 1,
  ACL_DDR_MEM_HUGE = 2,
  ACL_DDR_MEM_NORMAL = 3,
  ACL_HBM_MEM_HUGE = 4,
  ACL_HBM_MEM_NORMAL = 5,
  ACL_DDR_MEM_P2P_HUGE = 6,
  ACL_DDR_MEM_P2P_NORMAL = 7,
  ACL_HBM_MEM_P2P_HUGE = 8,
  ACL_HBM_MEM_P2P_NORMAL = 9,
  ACL_HBM_MEM_HUGE1G = 10,
  ACL_HBM_MEM_P2P_HUGE1G = 11,
  ACL_MEM_NORMAL = 12,
  ACL_MEM_HUGE = 13,
  ACL_MEM_HUGE1G = 14,
  ACL_MEM_P2P_NORMAL = 15,
  ACL_MEM_P2P_HUGE = 16,
  ACL_MEM_P2P_HUGE1G = 17,
} aclrtMemAttr;

// Where memory lies.
typedef enum aclrtMemLocationType {
  ACL_MEM_LOCATION_TYPE_HOST = 0,
  ACL_MEM_LOCATION_TYPE_DEVICE = 1,
  ACL_MEM_LOCATION_TYPE_UNREGISTERED = 2,
  ACL_MEM_LOCATION_TYPE_MANAGED = 3,
  ACL_MEM_LOCATION_TYPE_HOST_NUMA = 4,
} aclrtMemLocationType;

// Where memory lies, and on which device or node.
typedef struct aclrtMemLocation {
  uint32_t id;
  aclrtMemLocationType type;
} aclrtMemLocation;

// Processes of one server, as allowed to import shared memory or notifies.
typedef struct aclrtServerPid {
  uint32_t sdid;  // device number within the pod
  int32_t* pid;
  size_t num;  // entries of pid
} aclrtServerPid;

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_TYPES_H_
