from ._card import Card as Card
from ._card import card as card
from ._card import cards as cards
from ._contracts import ContractError as ContractError
from ._contracts import check_activation as check_activation
from ._contracts import check_loss as check_loss
from ._contracts import check_pair as check_pair

"""For other wings."""
from ._decision_threshold import decision_threshold as decision_threshold
from ._facts import facts as facts
from ._interpreted import interpreted as interpreted
from ._report import as_dict as as_dict
from ._report import card_json as card_json
from ._report import cards_table as cards_table
from ._risk import THETAS as THETAS
from ._verdicts import verdicts as verdicts
