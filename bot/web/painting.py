"""The painter: a page on which one member paints the motion of one request. It needs no cookie: the link is all.

Addresses are relative to the page's own (a proxy may put something before them), and nothing comes from elsewhere.
`{token}` is what `bot.services.paintings` signed. What was never valid is answered with 404, a link that has lapsed or
was used with 410; a page in words where a page was asked for, else JSON: `{"said": "a sentence for a person"}`.

`GET /paint/{token}`
    The page: `bot/web/painter/index.html`, to the letter. It can be loaded until it was sent.

`GET /paint/static/{name}`
    The other files of that folder (html, css, js, svg); from the page that is `static/{name}`, because the page's address
    ends without a slash.

`GET /paint/{token}/picture`
    The picture as it goes to the model, JPEG or PNG, upright, of exactly the size in the facts.

`GET /paint/{token}/facts`
    ``{"language": "de",                      # to be the page's `lang`
       "words": {"send": "Make the clip"},    # all of `bot/web/painter/words.py`, in that language
       "picture": {"width": 1280, "height": 720},
       "seconds_left": 1740,
       "takes_place_of_question": false,      # true: what is sent changes a question that waits in Discord
       "prompt": "the boat sails",            # as it was asked; may be empty, and may be changed
       "about": "5 s · std",                  # what else was chosen, in words; may be empty
       "models": [{"provider": "local", "model": "local-camera", "name": "Local camera", "price": 5,
                   "price_words": "5 credits", "quality": "std", "cautions": ["…"]}],
       "others": [{"name": "Kling 2.6", "why": ["Kling 2.6 does not take painted motion; leave it out."]}],
       "notes": ["Painted motion cannot go together with an end frame or a camera move."],
       "limits": {"groups": 6, "least_points": 2, "most_points": 77, "sent_points": 10000, "prompt_characters": 2500,
                  "mask_bytes": 1000000, "body_bytes": 8000000}}``
    The first of `models` is the one that is taken if none is named; there is always one. Prices are in credits, 0 is
    free. `sent_points` counts those of all paths together.

`POST /paint/{token}`, `Content-Type: application/json`, at most `body_bytes`
    ``{"still": null | "<PNG in base64>",
       "moving": [{"mask": "<PNG in base64>", "path": [[10, 20], [300.5, 40]]}],
       "prompt": "the boat sails",                               # may be left out: as it was
       "model": {"provider": "local", "model": "local-camera"}}  # may be left out or null: the first
    ``
    Masks are PNG of exactly the picture's size, at most `mask_bytes` each before base64; white is painted. Paths are in
    pixels of the picture from its TOP left corner, x to the right and y down, numbers with or without fractions; what
    lies outside is brought to the edge. Something must be painted, and a part that moves has at least two points.

    ``{"outcome": "made" | "asked" | "refused" | "gone", "said": "Job 7 is queued; its card is in #films.",
       "job": 7}``
    200 `made`: it is a job, and the link is used up. 200 `asked`: somebody has to agree to it in Discord; used up
    likewise. 422 `refused`: `said` says why, nothing was charged, and it may be sent again. 410 `gone`: it was sent
    already, or has lapsed. 409 `refused`: it is being sent at this moment. 413 `refused`: more bytes than may be.
    503 `refused`: not now, try again. `job` is there with `made` alone.
"""
