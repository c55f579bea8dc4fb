#!/usr/bin/env python3
"""Trains the digits network and writes its weights.

A multilayer perceptron, 64 inputs, two hidden layers of rectified linear units, 10 outputs, is
fitted to two thirds of the images. Every third one (image 2, 5, 8, ...) is held out: those 599 of
the 1,797 take no part in the training.

The weights come out byte for byte the same on every machine. Floating-point sums depend on their
order, and the order depends on the BLAS, the processor and the number of threads. So every operand
of a matrix product or sum is first rounded to a fixed-point grid that is coarse enough for the sum
to be exact in a double; what remains is element by element, where IEEE 754 leaves one result only.
"""

import argparse
import gzip
import pathlib
import sys

import numpy as np

LAYERS = (64, 128, 64, 10)
HELD_OUT_EVERY = 3
PIXEL_MAX = 16
SEED = 1797
EPOCHS = 40
BATCH = 40
LEARNING_RATE = 0.002
WEIGHT_DECAY = 0.02
# One unit of a stored weight is 1 / WEIGHT_SCALE.
WEIGHT_SCALE = 1024


def grid(values, bits):
    """Rounds to multiples of 2**-bits."""
    scale = float(1 << bits)
    return np.rint(values * scale) / scale


def product(a, a_bits, b, b_bits):
    """a @ b without rounding error: operands are clipped to 2**7, sums have up to 2**11 terms."""
    assert a_bits + b_bits + 7 + 7 + 11 <= 53 and a.shape[1] <= 1 << 11
    return grid(np.clip(a, -128, 128), a_bits) @ grid(np.clip(b, -128, 128), b_bits)


def softmax(logits):
    """Softmax from additions, products and divisions alone: exp(z) as (1 + z / 1024) ** 1024."""
    z = np.maximum(logits - logits.max(axis=1, keepdims=True), -30.0) / 1024
    power = 1 + z
    for _ in range(10):
        power = power * power
    power = grid(power, 40)
    return power / power.sum(axis=1, keepdims=True)


def forward(parameters, x):
    """The activations of every layer, the input first and the logits last."""
    activations = [x]
    for layer, (weights, bias) in enumerate(parameters):
        y = product(activations[-1], 10, weights, 16) + bias
        activations.append(np.maximum(y, 0) if layer + 1 < len(parameters) else y)
    return activations


def gradients(parameters, x, labels):
    """The mean gradient of the cross entropy over one batch, layer by layer."""
    activations = forward(parameters, x)
    error = softmax(activations[-1])
    error[np.arange(len(labels)), labels] -= 1
    result = []
    for layer in reversed(range(len(parameters))):
        weight_gradient = product(activations[layer].T, 10, error, 18) / len(labels)
        bias_gradient = grid(error, 30).sum(axis=0) / len(labels)
        result.append((weight_gradient, bias_gradient))
        if layer:
            error = product(error, 14, parameters[layer][0].T, 14) * (activations[layer] > 0)
    return result[::-1]


def initial_parameters(random):
    parameters = []
    for inputs, outputs in zip(LAYERS, LAYERS[1:]):
        limit = np.sqrt(6.0 / inputs)
        weights = (random.random_sample((inputs, outputs)) * 2 - 1) * limit
        parameters.append((weights, np.zeros(outputs)))
    return parameters


class Adam:
    """Adam with decoupled weight decay, element by element."""

    def __init__(self, parameters):
        self.step = 0
        self.mean = [[np.zeros_like(p) for p in layer] for layer in parameters]
        self.square = [[np.zeros_like(p) for p in layer] for layer in parameters]
        self.mean_decay = 1.0
        self.square_decay = 1.0

    def update(self, parameters, gradient, rate):
        self.mean_decay *= 0.9
        self.square_decay *= 0.999
        for layer, arrays in enumerate(parameters):
            for kind, values in enumerate(arrays):
                g = gradient[layer][kind]
                mean = self.mean[layer][kind]
                square = self.square[layer][kind]
                mean += (g - mean) * 0.1
                square += (g * g - square) * 0.001
                corrected = mean / (1 - self.mean_decay)
                size = np.sqrt(square / (1 - self.square_decay)) + 1e-8
                values -= rate * (corrected / size + WEIGHT_DECAY * values * (1 - kind))


def train(images, labels):
    random = np.random.RandomState(SEED)  # NumPy promises this generator's stream never changes.
    parameters = initial_parameters(random)
    adam = Adam(parameters)
    for epoch in range(EPOCHS):
        rate = LEARNING_RATE * (1 - epoch / EPOCHS)
        order = random.permutation(len(images))
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            x = images[chosen] / PIXEL_MAX
            adam.update(parameters, gradients(parameters, x, labels[chosen]), rate)
    return parameters


def stored(parameters):
    """The integers that the file holds."""
    return [tuple(np.rint(p * WEIGHT_SCALE).astype(int) for p in layer) for layer in parameters]


def accuracy(integers, images, labels):
    restored = [tuple(p / WEIGHT_SCALE for p in layer) for layer in integers]
    return np.mean(forward(restored, images / PIXEL_MAX)[-1].argmax(axis=1) == labels)


def text(integers):
    lines = [
        f"digits-mlp 1 layers {len(integers)} scale {WEIGHT_SCALE} held-out-every {HELD_OUT_EVERY}"
    ]
    for weights, bias in integers:
        lines.append(f"layer {weights.shape[0]} {weights.shape[1]}")
        lines.extend(" ".join(map(str, row)) for row in (bias, *weights))
    return "\n".join(lines) + "\n"


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Trains the digits network and writes its weights.")
    parser.add_argument("--data", type=pathlib.Path, default=here / "data" / "digits.csv.gz")
    parser.add_argument("--output", type=pathlib.Path, default=here / "data" / "weights.txt")
    parser.add_argument("--check", action="store_true", help="compare with the file, do not write")
    arguments = parser.parse_args()

    with gzip.open(arguments.data, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=int)
    images, labels = table[:, :-1], table[:, -1]
    held_out = np.arange(len(labels)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    integers = stored(train(images[~held_out], labels[~held_out]))
    print(f"all images: {accuracy(integers, images, labels):.2%} right")
    print(f"held-out images: {accuracy(integers, images[held_out], labels[held_out]):.2%} right")
    if arguments.check:
        same = arguments.output.read_text(encoding="ascii") == text(integers)
        print(f"{arguments.output} {'holds' if same else 'DOES NOT HOLD'} these weights")
        return 0 if same else 1
    arguments.output.write_text(text(integers), encoding="ascii")
    print(f"weights written to {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
