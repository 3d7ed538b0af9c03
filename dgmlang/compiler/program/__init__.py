"""The intermediate representation: a resolved, typed and instantiated model.

Everything here is about one example. Expressions form a graph: a node that is used twice (a `let`)
is one object, so identity, not equality, is what analyses and the lowering memoise on. Compile-time
values (hyperparameters, settings of stages) are Python values: int, float, bool, str, tuples,
`Dim` where a hyperparameter is still open, and `Chain` for stages passed as arguments.
"""

from __future__ import annotations

from dgmlang.compiler.program.expressions import Apply as Apply
from dgmlang.compiler.program.expressions import Call as Call
from dgmlang.compiler.program.expressions import Checked as Checked
from dgmlang.compiler.program.expressions import Choose as Choose
from dgmlang.compiler.program.expressions import Counter as Counter
from dgmlang.compiler.program.expressions import Expr as Expr
from dgmlang.compiler.program.expressions import Index as Index
from dgmlang.compiler.program.expressions import Literal as Literal
from dgmlang.compiler.program.expressions import Local as Local
from dgmlang.compiler.program.expressions import LogProb as LogProb
from dgmlang.compiler.program.expressions import Loop as Loop
from dgmlang.compiler.program.expressions import NetCall as NetCall
from dgmlang.compiler.program.expressions import Open as Open
from dgmlang.compiler.program.expressions import Outside as Outside
from dgmlang.compiler.program.expressions import Past as Past
from dgmlang.compiler.program.expressions import Read as Read
from dgmlang.compiler.program.expressions import SliceItem as SliceItem
from dgmlang.compiler.program.expressions import Stack as Stack
from dgmlang.compiler.program.expressions import Through as Through
from dgmlang.compiler.program.laws import Binned as Binned
from dgmlang.compiler.program.laws import Chosen as Chosen
from dgmlang.compiler.program.laws import ComputedLaw as ComputedLaw
from dgmlang.compiler.program.laws import EnergyLaw as EnergyLaw
from dgmlang.compiler.program.laws import Law as Law
from dgmlang.compiler.program.laws import Marginal as Marginal
from dgmlang.compiler.program.laws import Mixture as Mixture
from dgmlang.compiler.program.laws import Named as Named
from dgmlang.compiler.program.laws import Piece as Piece
from dgmlang.compiler.program.laws import Process as Process
from dgmlang.compiler.program.laws import Pushed as Pushed
from dgmlang.compiler.program.laws import Quantized as Quantized
from dgmlang.compiler.program.laws import Repeated as Repeated
from dgmlang.compiler.program.laws import ScoreLaw as ScoreLaw
from dgmlang.compiler.program.laws import WithinBin as WithinBin
from dgmlang.compiler.program.model import RECIPE_KEYS as RECIPE_KEYS
from dgmlang.compiler.program.model import RECIPE_NUMBERS as RECIPE_NUMBERS
from dgmlang.compiler.program.model import Critic as Critic
from dgmlang.compiler.program.model import Guide as Guide
from dgmlang.compiler.program.model import Program as Program
from dgmlang.compiler.program.model import Recipe as Recipe
from dgmlang.compiler.program.model import Variable as Variable
from dgmlang.compiler.program.stages import Chain as Chain
from dgmlang.compiler.program.stages import Choice as Choice
from dgmlang.compiler.program.stages import Head as Head
from dgmlang.compiler.program.stages import Net as Net
from dgmlang.compiler.program.stages import NetUse as NetUse
from dgmlang.compiler.program.stages import Stage as Stage
from dgmlang.compiler.program.stages import choices as choices
from dgmlang.compiler.program.stages import chosen as chosen
