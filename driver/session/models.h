// Models of one session (uapi/vnpu/model.h): the driver counts them and passes their memory on.
#ifndef VNPU_DRIVER_SESSION_MODELS_H_
#define VNPU_DRIVER_SESSION_MODELS_H_

#include <vnpu/ioctl.h>

#include <cstdint>

#include "driver/base/id_table.h"
#include "driver/session/context.h"

namespace vnpu::driver {

// Handlers answer 0 or -errno, as uapi/vnpu/ioctl.h describes the command. Used by one thread at a
// time.
class SessionModels {
 public:
  explicit SessionModels(SessionContext* context)
      : context_(context), models_(1, VNPU_MAX_MODELS) {}

  int Create(vnpu_ioc_model_create* arg, UniqueFd fd);
  int Destroy(const vnpu_ioc_model_destroy& arg);
  int Abort(const vnpu_ioc_model_abort& arg);

 private:
  struct Model {
    uint32_t streams = 0;  // and graphs
    uint32_t registers = 0;
    Charge charge;
  };

  SessionContext* context_;
  IdTable<Model> models_;
  // Of all models.
  uint32_t streams_ = 0;
  uint32_t registers_ = 0;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_MODELS_H_
