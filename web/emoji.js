/** Emoji by their usual names. No nodes here. */

const TABLE = `
smile 😄|grin 😁|joy 😂|rofl 🤣|smiley 😃|slightly_smiling 🙂|blush 😊|innocent 😇|wink 😉|heart_eyes 😍|kissing_heart 😘|yum 😋
stuck_out_tongue 😛|zany 🤪|thinking 🤔|zipper_mouth 🤐|raised_eyebrow 🤨|neutral_face 😐|smirk 😏|unamused 😒|roll_eyes 🙄
grimacing 😬|relieved 😌|pensive 😔|sleepy 😪|sleeping 😴|mask 😷|sick 🤢|sneeze 🤧|hot 🥵|cold 🥶|dizzy_face 😵|exploding_head 🤯
cowboy 🤠|partying 🥳|sunglasses 😎|nerd 🤓|confused 😕|worried 😟|frown ☹️|open_mouth 😮|astonished 😲|flushed 😳|pleading 🥺
cry 😢|sob 😭|scream 😱|fearful 😨|disappointed 😞|sweat 😓|sweat_smile 😅|tired_face 😫|yawning 🥱|triumph 😤|rage 😡|angry 😠
skull 💀|poop 💩|clown 🤡|ghost 👻|alien 👽|robot 🤖|see_no_evil 🙈|hear_no_evil 🙉|speak_no_evil 🙊|upside_down 🙃|hugs 🤗|shush 🤫
wave 👋|raised_hand ✋|ok_hand 👌|v ✌️|crossed_fingers 🤞|metal 🤘|point_left 👈|point_right 👉|point_up 👆|point_down 👇
thumbsup 👍|+1 👍|thumbsdown 👎|-1 👎|fist ✊|punch 👊|clap 👏|raised_hands 🙌|open_hands 👐|pray 🙏|handshake 🤝|muscle 💪|writing ✍️
shrug 🤷|facepalm 🤦|bow 🙇|eyes 👀|brain 🧠|ear 👂|lips 👄|baby 👶|woman 👩|man 👨|person 🧑|family 👪|runner 🏃|dancer 💃
heart ❤️|orange_heart 🧡|yellow_heart 💛|green_heart 💚|blue_heart 💙|purple_heart 💜|black_heart 🖤|broken_heart 💔|sparkling_heart 💖
100 💯|boom 💥|dizzy 💫|sweat_drops 💦|dash 💨|zzz 💤|speech_balloon 💬|thought_balloon 💭
dog 🐶|cat 🐱|mouse 🐭|fox 🦊|bear 🐻|panda 🐼|tiger 🐯|lion 🦁|cow 🐮|pig 🐷|frog 🐸|monkey 🐵|chicken 🐔|penguin 🐧|bird 🐦|owl 🦉
bee 🐝|bug 🐛|butterfly 🦋|snail 🐌|turtle 🐢|snake 🐍|octopus 🐙|crab 🦀|fish 🐟|whale 🐳|dolphin 🐬|unicorn 🦄|horse 🐴|sheep 🐑
rose 🌹|sunflower 🌻|tulip 🌷|tree 🌳|cactus 🌵|four_leaf_clover 🍀|mushroom 🍄|leaf 🍃|earth 🌍|moon 🌙|sun ☀️|star ⭐|star2 🌟
sparkles ✨|cloud ☁️|rain 🌧️|snowflake ❄️|rainbow 🌈|umbrella ☔|zap ⚡|fire 🔥|droplet 💧|ocean 🌊|snowman ⛄
apple 🍎|banana 🍌|lemon 🍋|strawberry 🍓|grapes 🍇|peach 🍑|avocado 🥑|tomato 🍅|bread 🍞|cheese 🧀|pizza 🍕|burger 🍔|fries 🍟
taco 🌮|sushi 🍣|cookie 🍪|cake 🍰|birthday 🎂|chocolate 🍫|popcorn 🍿|coffee ☕|tea 🍵|beer 🍺|beers 🍻|wine 🍷|cocktail 🍸|champagne 🍾
soccer ⚽|basketball 🏀|chess ♟️|dart 🎯|game 🎮|dice 🎲|guitar 🎸|music 🎵|headphones 🎧|art 🎨|movie 🎬|camera 📷|tv 📺
gift 🎁|tada 🎉|balloon 🎈|confetti 🎊|trophy 🏆|medal 🏅|first 🥇|crown 👑|gem 💎|ring 💍
car 🚗|bus 🚌|train 🚆|bike 🚲|airplane ✈️|rocket 🚀|ship 🚢|anchor ⚓|house 🏠|office 🏢|tent ⛺|mountain ⛰️|beach 🏖️|map 🗺️
phone 📱|computer 💻|keyboard ⌨️|printer 🖨️|bulb 💡|battery 🔋|plug 🔌|floppy 💾|cd 💿|hourglass ⏳|watch ⌚|alarm ⏰
book 📖|books 📚|newspaper 📰|memo 📝|pencil ✏️|clipboard 📋|paperclip 📎|scissors ✂️|pushpin 📌|calendar 📅|chart 📈|folder 📁
email 📧|envelope ✉️|package 📦|mailbox 📫|bell 🔔|no_bell 🔕|loudspeaker 📢|lock 🔒|unlock 🔓|key 🔑|hammer 🔨|wrench 🔧|gear ⚙️
link 🔗|magnet 🧲|microscope 🔬|telescope 🔭|pill 💊|syringe 💉|money 💰|dollar 💵|euro 💶|credit_card 💳|bomb 💣|shield 🛡️|broom 🧹
check ✅|white_check_mark ✅|heavy_check_mark ✔️|x ❌|warning ⚠️|no_entry ⛔|stop 🛑|question ❓|exclamation ❗|info ℹ️|recycle ♻️
construction 🚧|rotating_light 🚨|arrow_up ⬆️|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️|repeat 🔁|new 🆕|sos 🆘|ok 🆗|cool 🆒|free 🆓
red_circle 🔴|green_circle 🟢|yellow_circle 🟡|blue_circle 🔵|white_flag 🏳️|checkered_flag 🏁|rainbow_flag 🏳️‍🌈|pirate_flag 🏴‍☠️`;

/** @type {Map<string, string>} */
const EMOJI = new Map(TABLE.trim().split(/[|\n]/u).map(one => /** @type {[string, string]} */ (one.split(" "))));

/** The emoji of a name between colons, if there is one. @param {string} name as `:tada:` */
export function emojiOf(name) {
  return EMOJI.get(name.replace(/^:|:$/gu, ""));
}

/** Names that begin so, and then those that hold it. @param {string} start @param {number} most @returns {[string, string][]} */
export function emojiLike(start, most) {
  const holding = [...EMOJI].filter(([name]) => name.includes(start));
  const first = holding.filter(([name]) => name.startsWith(start));
  return [...first, ...holding.filter(([name]) => !name.startsWith(start))].slice(0, most);
}
