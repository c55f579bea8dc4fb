// Tensors sent to and received from the device through channels.
#ifndef VNPU_ACL_ACL_TDT_H_
#define VNPU_ACL_ACL_TDT_H_

#include "acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Tensors and data sets (manual 25-03) --------------------------------------------

// What an item is.
typedef enum acltdtTensorType {
  ACL_TENSOR_DATA_UNDEFINED = -1,
  ACL_TENSOR_DATA_TENSOR = 0,
  ACL_TENSOR_DATA_END_OF_SEQUENCE = 1,
  ACL_TENSOR_DATA_ABNORMAL = 2,
  ACL_TENSOR_DATA_SLICE_TENSOR = 3,
  ACL_TENSOR_DATA_END_TENSOR = 4,
} acltdtTensorType;

// One tensor.
typedef struct acltdtDataItem acltdtDataItem;

// A list of tensors.
typedef struct acltdtDataset acltdtDataset;

// Describes a tensor; its data stay the caller's. Null on failure.
acltdtDataItem* acltdtCreateDataItem(acltdtTensorType tdtType, const int64_t* dims, size_t dimNum,
                                     aclDataType dataType, void* data, size_t size);

// Frees the description.
aclError acltdtDestroyDataItem(acltdtDataItem* dataItem);

// What the item is.
acltdtTensorType acltdtGetTensorTypeFromItem(const acltdtDataItem* dataItem);

// Element type.
aclDataType acltdtGetDataTypeFromItem(const acltdtDataItem* dataItem);

// Address of the data.
void* acltdtGetDataAddrFromItem(const acltdtDataItem* dataItem);

// Size of the data.
size_t acltdtGetDataSizeFromItem(const acltdtDataItem* dataItem);

// Number of dimensions.
size_t acltdtGetDimNumFromItem(const acltdtDataItem* dataItem);

// The dimensions.
aclError acltdtGetDimsFromItem(const acltdtDataItem* dataItem, int64_t* dims, size_t dimNum);

// Number of slices, and which of them this is.
aclError acltdtGetSliceInfoFromItem(const acltdtDataItem* dataItem, size_t* sliceNum,
                                    size_t* sliceId);

// Makes an empty list; null on failure.
acltdtDataset* acltdtCreateDataset(void);

// Frees the list, not its items.
aclError acltdtDestroyDataset(acltdtDataset* dataset);

// Item number `index`, or null.
acltdtDataItem* acltdtGetDataItem(const acltdtDataset* dataset, size_t index);

// Appends an item.
aclError acltdtAddDataItem(acltdtDataset* dataset, acltdtDataItem* dataItem);

// Number of items.
size_t acltdtGetDatasetSize(const acltdtDataset* dataset);

// Name of the list.
const char* acltdtGetDatasetName(const acltdtDataset* dataset);

// ---------- Channels to and from the device (manual 17-01) ----------------------------------

// A channel.
typedef struct acltdtChannelHandle acltdtChannelHandle;

// Opens a channel of a device by name; null on failure.
acltdtChannelHandle* acltdtCreateChannel(uint32_t deviceId, const char* name);

// The same with room for a number of lists.
acltdtChannelHandle* acltdtCreateChannelWithCapacity(uint32_t deviceId, const char* name,
                                                     size_t capacity);

// Closes a channel.
aclError acltdtDestroyChannel(acltdtChannelHandle* handle);

// Wakes the threads that wait in a channel.
aclError acltdtStopChannel(acltdtChannelHandle* handle);

// Drops everything in a channel.
aclError acltdtCleanChannel(acltdtChannelHandle* handle);

// Sends a list; waits up to `timeout` milliseconds, -1 for ever, 0 not at all.
aclError acltdtSendTensor(const acltdtChannelHandle* handle, const acltdtDataset* dataset,
                          int32_t timeout);

// Receives a list; waits likewise.
aclError acltdtReceiveTensor(const acltdtChannelHandle* handle, acltdtDataset* dataset,
                             int32_t timeout);

// Number of lists in a channel.
aclError acltdtQueryChannelSize(const acltdtChannelHandle* handle, size_t* size);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_ACL_TDT_H_
