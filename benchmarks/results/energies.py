"""`python -m benchmarks.results.energies`: the numbers and pictures of `docs/energies.md`.

Each part prints what the page says and writes its picture to `docs/images/`. Seed 0 everywhere; a
part by its name, `denoise`, `rbm`, runs alone, in a minute or two. `--data mnist.npz` trains the
`rbm` of MNIST in their place: arrays x_train and x_test of bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

import dgmlang as dgm
from dgmlang.plots.canvas import figure, save
from dgmlang.plots.pictures import show

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
FLIPPED = 0.15
"""The share of spins that noise turns over."""


def picture(side: int = 32) -> np.ndarray:
    """A drawn binary picture of spins [side, side]: a ring, a disc in it, and a bar below."""
    down, right = np.indices((side, side)) / side
    away = np.hypot(down - 0.42, right - 0.5)
    ring = (away > 0.24) & (away < 0.36)
    bar = (down > 0.84) & (down < 0.94) & (right > 0.12) & (right < 0.88)
    return np.where(ring | (away < 0.11) | bar, 1.0, -1.0)


def denoise() -> None:
    """The picture, with noise, by its mode, and by the sign of the mean of draws."""
    clean = picture()
    rng = np.random.default_rng(0)
    noisy = clean * np.where(rng.random(clean.shape) < FLIPPED, -1.0, 1.0)
    fit = dgm.load(ROOT / "examples" / "ising_denoise.dgm").with_params({})
    mode = np.asarray(fit.mode({"x": noisy}))[0]
    drawn = np.asarray(fit.sample(64, given={"x": noisy}, sampler="gibbs(sweeps = 200)"))
    mean = np.where(drawn.mean(axis=0) > 0, 1.0, -1.0)
    titled = {"picture": clean, "with noise": noisy, "mode": mode, "mean of draws": mean}
    drawing = figure(9.2, 2.6)
    for axes, (title, spins) in zip(drawing.subplots(1, 4), titled.items(), strict=True):
        wrong = float(np.mean(spins != clean))
        show(axes, spins[None], 1, title if title == "picture" else f"{title}: {wrong:.1%} wrong")
        print(f"ising_denoise, {title}: {wrong:.4f} of the pixels wrong")
    save(drawing, IMAGES / "denoise.png")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Digits cut to dots [n, 64], 1500 to train on and 297 held out, in a shuffled order."""
    dots = (np.asarray(dgm.data("digits")["x"]) > 0.5).reshape(-1, 64).astype(np.float32)
    dots = dots[np.random.default_rng(0).permutation(len(dots))]
    return dots[:1500], dots[1500:]


def rbm() -> None:
    """Filters, draws, and halves of held-out pictures completed by Gibbs sweeps."""
    seen, unseen = digits()
    model = dgm.load(ROOT / "examples" / "rbm.dgm", visible=64, hidden=64)
    fit = model.fit({"v": seen}, objective="pcd", steps=10_000, seed=0)
    held = fit.log_prob(unseen, method="ais")
    mean, spread = held.mean(), np.std(held.value) / np.sqrt(len(held))
    error = f"± {float(np.asarray(mean.stderr)):.2f} by AIS, ± {spread:.2f} by the pictures"
    print(f"rbm: {float(mean):.2f} nats, {error}, {len(held)} held out")
    off = np.clip((seen.sum(0) + 1) / (len(seen) + 2), 0, 1)
    alone = (unseen * np.log(off) + (1 - unseen) * np.log(1 - off)).sum(1)
    print(f"rbm: independent pixels {alone.mean():.2f}")

    drawn = np.asarray(fit.sample(64)).reshape(-1, 8, 8)
    filters = fit.params["W"].T.reshape(-1, 8, 8)
    reach = np.abs(filters).max()
    filters = np.clip(filters / reach, -0.6, 0.6)
    drawing = figure(9.2, 3.4)
    titled = {"data": seen[:64].reshape(-1, 8, 8), "filters": filters, "draws": drawn}
    for axes, (title, pictures) in zip(drawing.subplots(1, 3), titled.items(), strict=True):
        show(axes, pictures, 8, title)
    save(drawing, IMAGES / "rbm.png")

    shown, half = unseen[:16], 32
    upper = np.where(np.arange(64) < half, shown, 0.4)
    rows = [shown, upper]
    for seed in range(4):
        given = {f"v[:{half}]": shown[:, :half]}
        rows.append(np.asarray(fit.sample(len(shown), given=given, seed=seed)))
    sheet = np.stack(rows).reshape(-1, 8, 8)
    drawing = figure(9.2, 3.8)
    show(drawing.subplots(), sheet, len(shown), "held out; what is given; four completions of each")
    save(drawing, IMAGES / "rbm-halves.png")
    wrong = np.mean(sheet.reshape(6, -1, 64)[2:, :, half:] != shown[:, half:])
    usual = np.mean((off[half:] > 0.5) != unseen[:, half:])
    print(f"rbm: {wrong:.3f} of the lower pixels drawn otherwise; the usual picture {usual:.3f}")


def jem() -> None:
    """A classifier that is an energy of pictures too: its accuracy, and what it finds odd."""
    x, y = shuffled()
    odd = {
        "upside down": x[1500:, ::-1, ::-1],
        "two laid over each other": np.maximum(x[1500:], x[: len(x) - 1500]),
        "pixels shuffled": mixed(x[1500:]),
        "noise": np.random.default_rng(2).integers(0, 17, x[1500:].shape) / np.float32(16),
    }
    prepare = "x = standardize(flatten(dequantize(16 * x)))"
    model = dgm.load(ROOT / "examples" / "conditional_ebm.dgm")
    for objective in ("pcd(l2 = 0.01) + 10 * discriminate(y)", "discriminate(y)"):
        seen = {"x": x[:1500], "y": y[:1500]}
        fit = model.fit(seen, objective=objective, steps=3000, prepare=prepare, seed=0)
        best = np.asarray(fit.predict("y", given={"x": x[1500:]}).best)
        right = np.mean(best == y[1500:])
        error = np.sqrt(right * (1 - right) / len(best))
        print(f"jem, {objective}: {right:.4f} ± {error:.4f} of {len(best)} held-out digits right")
        usual = marginal(fit, x[1500:])
        for name, pictures in odd.items():
            print(f"jem, {objective}: {area(usual, marginal(fit, pictures)):.3f} area, {name}")


def shuffled() -> tuple[np.ndarray, np.ndarray]:
    """Digits [n, 8, 8] of 17 greys in [0, 1] and their classes, in a shuffled order."""
    data = dgm.data("digits")
    order = np.random.default_rng(0).permutation(len(data["y"]))
    return np.asarray(data["x"])[order], np.asarray(data["y"])[order]


def mixed(x: np.ndarray) -> np.ndarray:
    """The pictures, the pixels of all shuffled alike."""
    order = np.random.default_rng(1).permutation(64)
    return x.reshape(-1, 64)[:, order].reshape(x.shape)


def marginal(fit: dgm.Fitted, x: np.ndarray) -> np.ndarray:
    """The log Σ_y exp(−E(x, y)) of each picture [n]."""
    classes = [np.full(len(x), k) for k in range(10)]
    return summed(np.stack([-np.asarray(fit.energy({"x": x, "y": c})) for c in classes]))


def summed(logs: np.ndarray) -> np.ndarray:
    """The log of the sum of exponentials over the first axis."""
    return np.asarray(np.logaddexp.reduce(logs, axis=0))


def area(usual: np.ndarray, others: np.ndarray) -> float:
    """How often a usual picture scores higher than another."""
    return float(mannwhitneyu(usual, others).statistic) / (len(usual) * len(others))


def prior() -> None:
    """A code of two numbers by an energy and by a Gaussian: bounds on log p of held-out digits.

    The energy's constant is a sum over a grid, which holds all but nothing of it.
    """
    x = shuffled()[0].reshape(-1, 64)
    text = (ROOT / "examples" / "latent_ebm_prior.dgm").read_text(encoding="utf-8")
    net = "  net F(z: real[latents]) -> real = z |> mlp([64, 64])\n"
    energy = "  latent z : real[latents]\n\n  energy F(z) + sum(z ** 2) / 2\n"
    gaussian = text.replace(net, "").replace(energy, "  latent z : real[latents] ~ Normal(0, 1)\n")
    bounds: list[np.ndarray] = []
    for name, program in (("energy", text), ("Gaussian", gaussian)):
        fit = dgm.parse(program, latents=2).fit(x[:1500], steps=5000, seed=0)
        found = np.asarray(fit.log_prob(x[1500:], method="iwae(k = 512)"))
        if name == "energy":
            side = np.linspace(-8, 8, 321)
            z = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2).astype(np.float32)
            logs = -np.asarray(fit.nets.F(z)).reshape(-1) - (z**2).sum(1) / 2
            found = found - (float(summed(logs)) + 2 * np.log(side[1] - side[0]))
        error = found.std() / np.sqrt(len(found))
        print(f"prior by {name}: {found.mean():.2f} ± {error:.2f} nats, iwae(k = 512)")
        bounds.append(found)
    gain = bounds[0] - bounds[1]
    print(f"prior: the energy gains {gain.mean():.2f} ± {gain.std() / np.sqrt(len(gain)):.2f}")


def dbm() -> None:
    """A 6–4–4 machine against enumeration, and digits learned with and without pre-training."""
    rng = np.random.default_rng(0)
    shapes = {"W": (6, 4), "U": (4, 4), "b": (6,), "c": (4,), "d": (4,)}
    model = dgm.load(ROOT / "examples" / "dbm.dgm", visible=6, lower=4, upper=4)
    fit = model.with_params({name: rng.normal(size=shape) for name, shape in shapes.items()})
    v, g, h = (np.array(list(product((0.0, 1.0), repeat=n))) for n in (6, 4, 4))
    p = {name: np.asarray(array, float) for name, array in fit.params.items()}
    pairs = (v @ p["W"] @ g.T + (v @ p["b"])[:, None])[:, :, None] + (g @ p["U"] @ h.T)[None]
    logs = pairs + (g @ p["c"])[None, :, None] + (h @ p["d"])[None, None]
    log_z = float(summed(logs.reshape(-1)))
    log_p = summed(logs.reshape(len(v), -1).T) - log_z
    print(f"dbm: log Z {float(fit.log_normalizer()):.6f}, by enumeration {log_z:.6f}")
    ais = fit.log_normalizer(method="ais")
    print(f"dbm: log Z by ais {float(ais):.3f} ± {float(np.asarray(ais.stderr)):.3f}")
    short = log_p - np.asarray(fit.log_prob(v))
    weighed = float(np.exp(log_p) @ short)
    print(f"dbm: the mean-field bound is {weighed:.4f} nats short, {short.max():.4f} at most")

    seen, unseen = digits()
    deep = dgm.load(ROOT / "examples" / "dbm.dgm", visible=64, lower=32, upper=16)
    first = layer(seen, 64, 32)
    means = 1 / (1 + np.exp(-(seen @ first["W"] + first["c"])))
    second = layer(means, 32, 16)
    start = {"W": first["W"], "b": first["b"], "c": first["c"], "U": second["W"], "d": second["c"]}
    for name, init in (("at once", None), ("after greedy pre-training", start)):
        fit = deep.fit(seen, objective="pcd(positive = meanfield)", steps=5000, seed=0, init=init)
        found = fit.log_prob(unseen, method="ais")
        error = np.std(found.value) / np.sqrt(len(found))
        print(f"dbm, {name}: {float(found.mean()):.2f} ± {error:.2f} nats, mean field less ais")


def layer(x: np.ndarray, visible: int, hidden: int) -> dict[str, np.ndarray]:
    """The parameters of an `rbm` of data in [0, 1], whose rows are drawn afresh each step."""
    model = dgm.load(ROOT / "examples" / "rbm.dgm", visible=visible, hidden=hidden)
    fit = model.fit(x, objective="pcd", steps=3000, seed=0)
    return {name: np.asarray(array) for name, array in fit.params.items()}


def mnist(path: str) -> None:
    """16 hidden bits on MNIST cut at 0.5, PCD-1, as PyDeep's documentation trains them."""
    held = np.load(path)
    seen, unseen = (
        (held[n] > 127).reshape(-1, 784).astype(np.float32) for n in ("x_train", "x_test")
    )
    model = dgm.load(ROOT / "examples" / "rbm.dgm", visible=784, hidden=16)
    fit = model.fit(
        seen, objective="pcd(k = 1, chains = 100)", optimizer="sgd(learning_rate = 0.01)",
        batch=100, epochs=50, seed=0,
    )  # fmt: skip
    found = fit.log_prob(unseen)
    error = found.std() / np.sqrt(len(found))
    print(f"rbm on MNIST: {found.mean():.2f} ± {error:.2f} nats, {found.kind}")


PARTS: dict[str, Callable[[], None]] = {
    "denoise": denoise,
    "rbm": rbm,
    "jem": jem,
    "prior": prior,
    "dbm": dbm,
}


def main() -> None:
    """The parts that are named, or all; of MNIST with `--data PATH` alone."""
    if sys.argv[1:2] == ["--data"]:
        mnist(sys.argv[2])
        return
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
