// Queues of shared buffers, and the routes between them.
#ifndef VNPU_ACL_ACL_TDT_QUEUE_H_
#define VNPU_ACL_ACL_TDT_QUEUE_H_

#include "acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Queues (manual 17-02) -----------------------------------------------------------

// Rights of a process on a queue, as bits.
#define ACL_TDT_QUEUE_PERMISSION_MANAGE 1
#define ACL_TDT_QUEUE_PERMISSION_DEQUEUE 2
#define ACL_TDT_QUEUE_PERMISSION_ENQUEUE 4

// A shared buffer.
typedef void* acltdtBuf;

// Attributes of a queue to be made.
typedef struct tagMemQueueAttr acltdtQueueAttr;

// Which attribute is meant.
typedef enum acltdtQueueAttrType {
  ACL_TDT_QUEUE_NAME_PTR = 0,
  ACL_TDT_QUEUE_DEPTH_UINT32 = 1,
} acltdtQueueAttrType;

// Makes attributes with the defaults; null on failure.
acltdtQueueAttr* acltdtCreateQueueAttr(void);

// Frees them.
aclError acltdtDestroyQueueAttr(const acltdtQueueAttr* attr);

// Sets one.
aclError acltdtSetQueueAttr(acltdtQueueAttr* attr, acltdtQueueAttrType type, size_t len,
                            const void* param);

// Reads one.
aclError acltdtGetQueueAttr(const acltdtQueueAttr* attr, acltdtQueueAttrType type, size_t len,
                            size_t* paramRetSize, void* param);

// Makes a queue.
aclError acltdtCreateQueue(const acltdtQueueAttr* attr, uint32_t* qid);

// Destroys a queue.
aclError acltdtDestroyQueue(uint32_t qid);

// Appends a buffer; waits up to `timeout` milliseconds, -1 for ever, 0 not at all.
aclError acltdtEnqueue(uint32_t qid, acltdtBuf buf, int32_t timeout);

// Takes the first buffer; waits likewise.
aclError acltdtDequeue(uint32_t qid, acltdtBuf* buf, int32_t timeout);

// Appends a copy of data.
aclError acltdtEnqueueData(uint32_t qid, const void* data, size_t dataSize, const void* userData,
                           size_t userDataSize, int32_t timeout, uint32_t rsv);

// Copies the first data out.
aclError acltdtDequeueData(uint32_t qid, void* data, size_t dataSize, size_t* retDataSize,
                           void* userData, size_t userDataSize, int32_t timeout);

// Gives another process rights on a queue.
aclError acltdtGrantQueue(uint32_t qid, int32_t pid, uint32_t permission, int32_t timeout);

// Waits for such rights and returns them.
aclError acltdtAttachQueue(uint32_t qid, int32_t timeout, uint32_t* permission);

// ---------- Routes between queues -----------------------------------------------------------

// States of a route.
#define ACL_TDT_QUEUE_ROUTE_UNBIND 0
#define ACL_TDT_QUEUE_ROUTE_BIND 1
#define ACL_TDT_QUEUE_ROUTE_BIND_ABNORMAL 2

// From one queue to another.
typedef struct acltdtQueueRoute acltdtQueueRoute;

// Several routes.
typedef struct acltdtQueueRouteList acltdtQueueRouteList;

// Which value of a route is meant.
typedef enum acltdtQueueRouteParamType {
  ACL_TDT_QUEUE_ROUTE_SRC_UINT32 = 0,
  ACL_TDT_QUEUE_ROUTE_DST_UINT32 = 1,
  ACL_TDT_QUEUE_ROUTE_STATUS_INT32 = 2,
} acltdtQueueRouteParamType;

// Describes a route; null on failure.
acltdtQueueRoute* acltdtCreateQueueRoute(uint32_t srcId, uint32_t dstId);

// Frees the description.
aclError acltdtDestroyQueueRoute(const acltdtQueueRoute* route);

// Reads a value of a route.
aclError acltdtGetQueueRouteParam(const acltdtQueueRoute* route, acltdtQueueRouteParamType type,
                                  size_t len, size_t* paramRetSize, void* param);

// Makes an empty list; null on failure.
acltdtQueueRouteList* acltdtCreateQueueRouteList(void);

// Frees a list.
aclError acltdtDestroyQueueRouteList(const acltdtQueueRouteList* routeList);

// Appends a route.
aclError acltdtAddQueueRoute(acltdtQueueRouteList* routeList, const acltdtQueueRoute* route);

// Route number `index`.
aclError acltdtGetQueueRoute(const acltdtQueueRouteList* routeList, size_t index,
                             acltdtQueueRoute* route);

// Number of routes.
size_t acltdtGetQueueRouteNum(const acltdtQueueRouteList* routeList);

// Puts routes in force.
aclError acltdtBindQueueRoutes(acltdtQueueRouteList* qRouteList);

// Takes them out of force.
aclError acltdtUnbindQueueRoutes(acltdtQueueRouteList* qRouteList);

// Which routes to look for.
typedef struct acltdtQueueRouteQueryInfo acltdtQueueRouteQueryInfo;

// By which end to look.
typedef enum acltdtQueueRouteQueryMode {
  ACL_TDT_QUEUE_ROUTE_QUERY_SRC = 0,
  ACL_TDT_QUEUE_ROUTE_QUERY_DST = 1,
  ACL_TDT_QUEUE_ROUTE_QUERY_SRC_AND_DST = 2,
  ACL_TDT_QUEUE_ROUTE_QUERY_ABNORMAL = 100,
} acltdtQueueRouteQueryMode;

// Which value of a query is meant.
typedef enum acltdtQueueRouteQueryInfoParamType {
  ACL_TDT_QUEUE_ROUTE_QUERY_MODE_ENUM = 0,
  ACL_TDT_QUEUE_ROUTE_QUERY_SRC_ID_UINT32 = 1,
  ACL_TDT_QUEUE_ROUTE_QUERY_DST_ID_UINT32 = 2,
} acltdtQueueRouteQueryInfoParamType;

// Makes an empty query; null on failure.
acltdtQueueRouteQueryInfo* acltdtCreateQueueRouteQueryInfo(void);

// Frees a query.
aclError acltdtDestroyQueueRouteQueryInfo(const acltdtQueueRouteQueryInfo* info);

// Sets a value of a query.
aclError acltdtSetQueueRouteQueryInfo(acltdtQueueRouteQueryInfo* param,
                                      acltdtQueueRouteQueryInfoParamType type, size_t len,
                                      const void* value);

// Lists the routes that a query finds.
aclError acltdtQueryQueueRoutes(const acltdtQueueRouteQueryInfo* queryInfo,
                                acltdtQueueRouteList* qRouteList);

// ---------- Shared buffers (manual 17-03) ---------------------------------------------------

// Kinds of memory.
typedef enum acltdtAllocBufType {
  ACL_TDT_NORMAL_MEM = 0,
  ACL_TDT_DVPP_MEM = 1,
} acltdtAllocBufType;

// Allocates a shared buffer.
aclError acltdtAllocBuf(size_t size, uint32_t type, acltdtBuf* buf);

// Frees a shared buffer.
aclError acltdtFreeBuf(acltdtBuf buf);

// Address and capacity of its data.
aclError acltdtGetBufData(const acltdtBuf buf, void** dataPtr, size_t* size);

// Says how many bytes are valid.
aclError acltdtSetBufDataLen(acltdtBuf buf, size_t len);

// Number of valid bytes.
aclError acltdtGetBufDataLen(acltdtBuf buf, size_t* len);

// Copies into its private area.
aclError acltdtSetBufUserData(acltdtBuf buf, const void* dataPtr, size_t size, size_t offset);

// Copies out of its private area.
aclError acltdtGetBufUserData(const acltdtBuf buf, void* dataPtr, size_t size, size_t offset);

// Makes a further reference to the same data.
aclError acltdtCopyBufRef(const acltdtBuf buf, acltdtBuf* newBuf);

// Appends a buffer to a chain.
aclError acltdtAppendBufChain(acltdtBuf headBuf, acltdtBuf buf);

// Number of buffers of a chain.
aclError acltdtGetBufChainNum(acltdtBuf headBuf, uint32_t* num);

// Buffer number `index` of a chain.
aclError acltdtGetBufFromChain(acltdtBuf headBuf, uint32_t index, acltdtBuf* buf);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_ACL_TDT_QUEUE_H_
