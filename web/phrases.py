"""Set phrases from the invigilator to the candidate, in the candidate's language.

An invigilator picks what to say; the candidate reads it in their own language, and the journal keeps the code and the
very words that were shown. Codes are stable. A phrase asks or informs: none accuses, and none promises what only the
rules decide. Free words are possible too; they arrive as they were written.

>>> spoken("wait-here", "de-AT")
('Bitte bleiben Sie am Platz. Ich bin gleich bei Ihnen.', 'de')
>>> spoken("wait-here", "fi")[1]
'en'
"""

from __future__ import annotations

from typing import Final

from engine.errors import Refused

#: The languages every phrase has. English is what anybody else reads.
LANGUAGES: Final = ("en", "de", "fr", "es")

PHRASES: Final[dict[str, tuple[str, str, str, str]]] = {
    "wait-here": (
        "Please stay at your desk. I will be with you in a moment.",
        "Bitte bleiben Sie am Platz. Ich bin gleich bei Ihnen.",
        "Restez à votre place, s’il vous plaît. Je suis à vous dans un instant.",
        "Por favor, quédese en su sitio. Enseguida estoy con usted.",
    ),
    "seen-hand": (
        "I have seen your hand. Please write what you need.",
        "Ich habe Ihre Meldung gesehen. Bitte schreiben Sie, was Sie brauchen.",
        "J’ai vu votre main levée. Écrivez-moi ce dont vous avez besoin.",
        "He visto su mano levantada. Escriba, por favor, lo que necesita.",
    ),
    "go-on": (
        "Everything is in order. Please go on.",
        "Es ist alles in Ordnung. Bitte machen Sie weiter.",
        "Tout est en ordre. Vous pouvez continuer.",
        "Todo está en orden. Puede continuar.",
    ),
    "face-in-picture": (
        "Please sit so that your whole face is in the picture.",
        "Bitte setzen Sie sich so, dass Ihr ganzes Gesicht im Bild ist.",
        "Placez-vous de façon que tout votre visage soit dans l’image.",
        "Siéntese de modo que se vea toda su cara en la imagen.",
    ),
    "more-light": (
        "Your picture is dark. Please turn on a light or turn towards the window.",
        "Ihr Bild ist dunkel. Bitte machen Sie Licht oder wenden Sie sich zum Fenster.",
        "Votre image est sombre. Allumez une lampe ou tournez-vous vers la fenêtre.",
        "Su imagen está oscura. Encienda una luz o gírese hacia la ventana.",
    ),
    "camera-check": (
        "I see no picture from you. Please check that your camera is on and not covered.",
        "Ich sehe kein Bild von Ihnen. Bitte prüfen Sie, ob die Kamera an und nicht verdeckt ist.",
        "Je ne reçois pas d’image. Vérifiez que votre caméra est allumée et n’est pas couverte.",
        "No recibo imagen. Compruebe que la cámara está encendida y no está tapada.",
    ),
    "show-room": (
        "Please show me your room with the camera, slowly, once all around.",
        "Bitte zeigen Sie mir mit der Kamera langsam einmal rundum Ihren Raum.",
        "Montrez-moi lentement toute la pièce avec votre caméra, s’il vous plaît.",
        "Por favor, muéstreme despacio toda la habitación con la cámara.",
    ),
    "show-desk": (
        "Please show me your desk with the camera.",
        "Bitte zeigen Sie mir mit der Kamera Ihren Tisch.",
        "Montrez-moi votre table avec la caméra, s’il vous plaît.",
        "Por favor, muéstreme su mesa con la cámara.",
    ),
    "put-away": (
        "Please put away what is not on the list of permitted aids.",
        "Bitte legen Sie weg, was nicht auf der Liste der erlaubten Hilfsmittel steht.",
        "Rangez ce qui ne figure pas sur la liste des aides autorisées, s’il vous plaît.",
        "Guarde, por favor, lo que no esté en la lista de ayudas permitidas.",
    ),
    "document-again": (
        "I cannot read your document. Please send the picture again, closer and in good light.",
        "Ich kann Ihr Dokument nicht lesen. Bitte senden Sie das Bild noch einmal, näher und bei gutem Licht.",
        "Je n’arrive pas à lire votre document. Renvoyez l’image, de plus près et bien éclairée.",
        "No puedo leer su documento. Envíe la imagen de nuevo, más cerca y con buena luz.",
    ),
    "no-content-help": (
        "I may not help with the question itself. You can report a problem with it below the question.",
        "Zur Frage selbst darf ich nichts sagen. Unter der Frage können Sie ein Problem melden.",
        "Je ne peux pas vous aider sur la question elle-même. Vous pouvez signaler un problème sous la question.",
        "No puedo ayudarle con la pregunta en sí. Puede informar de un problema debajo de la pregunta.",
    ),
    "time-added": (
        "You have been given more time. Your clock shows it.",
        "Sie haben mehr Zeit bekommen. Ihre Uhr zeigt es an.",
        "Du temps supplémentaire vous a été accordé. Votre horloge l’indique.",
        "Se le ha concedido más tiempo. Su reloj lo muestra.",
    ),
    "pausing": (
        "I am pausing your exam now. Your clock stands still and you lose no time.",
        "Ich halte Ihre Prüfung jetzt an. Ihre Uhr steht still, Sie verlieren keine Zeit.",
        "Je mets votre examen en pause. Votre horloge est arrêtée et vous ne perdez pas de temps.",
        "Pongo su examen en pausa. Su reloj está parado y no pierde tiempo.",
    ),
    "thank-you": (
        "Thank you.",
        "Danke.",
        "Merci.",
        "Gracias.",
    ),
}


def spoken(code: str, language: str) -> tuple[str, str]:
    """The phrase and the language it is in. Raises: INPUT_INVALID for an unknown code."""
    words = PHRASES.get(code)
    if words is None:
        raise Refused("INPUT_INVALID", field="phrase", known=", ".join(PHRASES))
    known = language_of(language)
    return words[LANGUAGES.index(known)], known


def language_of(language: str) -> str:
    """Which of `LANGUAGES` somebody reads who asked for ``language``, such as ``de-AT``."""
    primary = language.partition("-")[0].lower()
    return primary if primary in LANGUAGES else "en"


def choices() -> list[tuple[str, str]]:
    """The phrases as the invigilator picks them."""
    return [(code, words[0]) for code, words in PHRASES.items()]
