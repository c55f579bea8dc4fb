// What the network says about one image. Kernels write it and the host reads it.
#ifndef EXAMPLES_DIGITS_ANSWER_H_
#define EXAMPLES_DIGITS_ANSWER_H_

#include <cstdint>

namespace digits {

struct Answer {
  int32_t label;      // the digit with the highest probability; -1: no answer yet
  float probability;  // of that digit
};

}  // namespace digits

#endif  // EXAMPLES_DIGITS_ANSWER_H_
